"""The rows that the opportunity score learns from and is judged on, and what each stands for."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl
from duckdb import DuckDBPyConnection

from ml_assets.features import LabelledSnapshots, opportunity_features
from ml_assets.features.censoring import (
    days_between,
    kaplan_meier_quantile,
    observation_weights,
)
from ml_assets.features.snapshots import KEYS
from ml_assets.opportunities.settings import OpportunityModelSettings
from ml_assets.scoring.splits import latest_rows

TARGET = "is_won"
TIME = "as_of_date"
WEIGHT = "weight"
DEAL = "opportunity_id"


def snapshot_features(con: DuckDBPyConnection, snapshots: LabelledSnapshots) -> pl.DataFrame:
    """The training frame: keys, account_id, closed_date, is_won and the features.

    Snapshots of deals that are still open have neither closed_date nor is_won.
    """
    every = pl.concat([snapshots.frame, snapshots.undecided], how="diagonal")
    features = opportunity_features(con, every)
    labels = every.select(*KEYS, "account_id", "closed_date", TARGET)
    return labels.join(features, on=list(KEYS), how="inner", validate="1:1").sort(KEYS)


def weighted_as_of(
    frame: pl.DataFrame,
    sampled: pl.DataFrame,
    clock: date,
    settings: OpportunityModelSettings,
    *,
    after: date = date.min,
    until: date = date.max,
) -> pl.DataFrame:
    """The rows whose outcome was known at a clock, each with its observation weight.

    Rows that calibrate (the latest) and earlier rows are weighted within their own, so that each
    part stands for its own time.

    Args:
        frame: labelled rows (as_of_date, closed_date).
        sampled: all sampled rows, labelled or not (as_of_date).
        clock: outcomes count when the deal had closed by this day.
        settings: share of rows that calibrate, largest weight.
        after: only rows with a later as_of_date.
        until: only rows with an as_of_date up to this day.

    Returns:
        The rows with `weight`, in the order of `frame`.
    """
    last = min(until, clock)
    window = pl.col(TIME).is_between(after, last, closed="right")
    known = frame.filter(window & (pl.col("closed_date") <= clock))
    if known.is_empty():
        return known.with_columns(weight=pl.lit(1.0))
    followed = sampled.filter(window)[TIME]
    latest = latest_rows(known, TIME, settings.scorer.calibration_share)
    boundary = known.filter(pl.Series(latest))[TIME].sort()[0]
    weight = np.ones(known.height)
    for part, members in ((latest, followed >= boundary), (~latest, followed < boundary)):
        rows = known.filter(pl.Series(part))
        weight[part] = observation_weights(
            days_between(rows[TIME], rows["closed_date"]),
            days_between(followed.filter(members), clock),
            settings.max_observation_weight,
        )
    return known.with_columns(weight=pl.Series(weight))


def follow_up_days(sampled: pl.DataFrame, clock: date, settings: OpportunityModelSettings) -> int:
    """Days after which most open deals have been decided: test rows are at least so old."""
    if sampled.is_empty():
        return 0
    history = (clock - sampled[TIME].sort()[0]).days
    followed = days_between(sampled[TIME], sampled["closed_date"].fill_null(clock))
    decided = sampled["closed_date"].is_not_null().to_numpy()
    days = kaplan_meier_quantile(followed, decided, settings.test_decided_share)
    longest = int(history * settings.max_follow_up_share)
    return longest if days is None else min(days, longest)
