"""When an open deal will be won: the hazard model of the opportunity score.

The scorer says whether a deal is won in the end; the hazards say how the chance to be won spreads
over the coming weeks. Won within h days is the one times the share of the other that falls within
h days, so that it rises with h and never exceeds the chance to be won at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ml_assets.survival import HazardModel, HazardSettings

HORIZONS = (30, 60, 90)
IN_THE_END = 364
"""Days after which next to every deal has been decided."""

CLOSE_DATE = "close_date"
TIMING_FEATURES = (
    "stage",
    "stage_move_count",
    "days_in_stage",
    "age_days",
    "days_per_stage",
    "days_since_any_change",
    "days_to_close_date",
    "days_to_quarter_end",
    "push_count",
    "days_pushed",
    "pull_in_count",
    "amount",
    "amount_to_segment_median",
    "amount_change_ratio",
    "days_since_amount_change",
    "forecast_category",
    "inbound_30d",
    "inbound_share",
    "inbound_to_usual",
    "engagement_to_usual",
    "outbound_30d",
    "activities_30d",
    "activity_trend",
    "meetings_30d",
    "meetings_to_usual",
    "days_since_meeting",
    "sentiment_mean",
    "sentiment_60d",
    "qualification_met_count",
    "stage_evidence_count",
    "evidence_to_usual",
    "rival_count",
    "days_since_rival",
    "contact_role_count",
    "has_champion",
    "has_decision_maker",
    "owner_win_rate",
    "owner_role",
    "account_win_rate",
    "segment",
    "opportunity_type",
    "lead_source",
    "line_count",
    "region",
    "industry",
)


def horizon_column(days: int) -> str:
    """The column of a horizon."""
    return f"won_within_{days}d"


def timing_model(frame: pl.DataFrame, group: str, settings: HazardSettings) -> HazardModel:
    """An untrained hazard model for the landmarks of a frame."""
    used = {*TIMING_FEATURES, CLOSE_DATE, "as_of_date", "days_to_event", "event", group}
    return HazardModel(
        group=group,
        known_dates=(CLOSE_DATE,),
        exclude=[name for name in frame.columns if name not in used],
        settings=settings,
    )


def landmarks_as_of(snapshots: pl.DataFrame, clock: date) -> pl.DataFrame:
    """Every snapshot up to a clock, with what had become of its deal by then.

    Args:
        snapshots: features with as_of_date, closed_date (null = open) and is_won.
        clock: closings count up to the end of this day.

    Returns:
        The rows with `close_date`, `days_to_event` and `event` (won, lost, null = open so far).
    """
    decided = pl.col("closed_date") <= clock
    last_day = pl.min_horizontal(pl.col("closed_date").fill_null(clock), pl.lit(clock))
    return with_close_date(snapshots.filter(pl.col("as_of_date") <= clock)).with_columns(
        days_to_event=(last_day - pl.col("as_of_date")).dt.total_days(),
        event=pl.when(decided).then(
            pl.when(pl.col("is_won")).then(pl.lit("won")).otherwise(pl.lit("lost"))
        ),
    )


def with_close_date(features: pl.DataFrame) -> pl.DataFrame:
    """The features with the close date that they speak of."""
    days = pl.col("days_to_close_date").cast(pl.Int64)
    return features.with_columns((pl.col("as_of_date") + pl.duration(days=days)).alias(CLOSE_DATE))


def quarter_start_month(features: pl.DataFrame) -> int:
    """The month (1, 2 or 3) in which the first fiscal quarter that begins in a year begins."""
    known = features.drop_nulls("days_to_quarter_end")
    if known.is_empty():
        return 1
    day: date = known["as_of_date"][0]
    last_day = day + timedelta(days=int(known["days_to_quarter_end"][0]))
    return last_day.month % 3 + 1


def closing_chances(
    timing: HazardModel, features: pl.DataFrame, win_probability: NDArray[np.float64]
) -> Mapping[str, NDArray[np.float64]]:
    """`won_within_<h>d` of each row, shape (rows,): at most the win probability."""
    chances = timing.cumulative(with_close_date(features), (*HORIZONS, IN_THE_END))
    in_the_end = chances[horizon_column(IN_THE_END)].to_numpy()
    return {
        name: win_probability
        * np.divide(
            chances[name].to_numpy(),
            in_the_end,
            out=np.zeros(features.height),
            where=in_the_end > 0,
        )
        for name in map(horizon_column, HORIZONS)
    }


def outcomes_within(snapshots: pl.DataFrame, days: int, clock: date) -> pl.DataFrame:
    """The snapshots of which it is known whether they were won within so many days.

    Args:
        snapshots: features with as_of_date, closed_date (null = open) and is_won.
        days: the horizon.
        clock: closings count up to the end of this day.

    Returns:
        The rows with the boolean `won_within_<days>d`.
    """
    deadline = pl.col("as_of_date") + pl.duration(days=days)
    won = pl.col("is_won").fill_null(False) & (pl.col("closed_date") <= deadline)
    return snapshots.filter(deadline <= clock).with_columns(
        won.fill_null(False).alias(horizon_column(days))
    )
