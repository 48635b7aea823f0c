"""Which opportunity is looked at on which day: the sample that a model learns from, and the open
deals that it scores.

An opportunity is sampled every `stride_days`, each on its own phase, while it is open. That gives
every open deal-day the same chance, so the sample looks like the open pipeline of a day. A sample
whose outcome is not known at the training clock has no label; it is not a loss.

Samples that are still open are kept beside the labelled ones, because they are what tells how much
of the truth is not known yet (see `censoring`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

import numpy as np
import polars as pl
from duckdb import DuckDBPyConnection

from ml_assets.features.queries import REQUESTED_SNAPSHOT, run_query
from ml_assets.hashing import stable_fraction

KEYS = ("opportunity_id", "as_of_date")
EPOCH = date(1970, 1, 1)


@dataclass(frozen=True)
class Sampling:
    """How training snapshots are drawn.

    Attributes:
        stride_days: days between two snapshots of one opportunity.
        max_per_opportunity: at most so many snapshots of one opportunity are kept, chosen by hash.
        max_opportunities: at most so many opportunities are sampled, the latest created.
    """

    stride_days: int = 14
    max_per_opportunity: int = 12
    max_opportunities: int = 50_000


@dataclass(frozen=True)
class LabelledSnapshots:
    """Training snapshots with known outcomes, and how they were chosen.

    Attributes:
        frame: one row per opportunity_id and as_of_date, sorted by both: the pipeline state
            as of then (the columns of state.sql), the attributes set at creation, `closed_date` and
            `is_won`.
        undecided: the same (without `is_won`) of samples whose deal is open at the clock.
        sampled: opportunity_id, as_of_date and closed_date (null = open at the clock) of every
            sample, labelled or not.
        clock: the day at whose end outcomes are known.
        closed_count: opportunities that had closed by the clock, deleted ones aside.
        won_count: those of them that were won.
    """

    frame: pl.DataFrame
    undecided: pl.DataFrame
    sampled: pl.DataFrame
    clock: date
    closed_count: int
    won_count: int


def end_of_day(day: date) -> datetime:
    """The first instant (UTC, naive) after a day: everything before it belongs to the day."""
    return datetime.combine(day + timedelta(days=1), time())


def with_as_of_end(snapshots: pl.DataFrame) -> pl.DataFrame:
    """Add `as_of_end`, the exclusive end of the as-of date."""
    return snapshots.with_columns(
        as_of_end=(pl.col("as_of_date").cast(pl.Datetime("us")) + pl.duration(days=1))
    )


def snapshot_state(con: DuckDBPyConnection, snapshots: pl.DataFrame) -> pl.DataFrame:
    """Pipeline state of each snapshot as known at its day's end (see state.sql).

    Args:
        con: connection on the warehouse.
        snapshots: opportunity_id, as_of_date and any other columns, which are kept.

    Returns:
        One row per snapshot, sorted by opportunity_id and as_of_date; the state is null where
        nothing was visible yet.
    """
    state = run_query(con, "state", {REQUESTED_SNAPSHOT: with_as_of_end(snapshots.select(KEYS))})
    return snapshots.join(state, on=list(KEYS), how="left", validate="1:1").sort(KEYS)


def open_opportunities(con: DuckDBPyConnection, as_of: date) -> pl.DataFrame:
    """Every opportunity that the warehouse holds open on the day for which it was built.

    Raises:
        ValueError: the warehouse's facts were built for another day.

    Returns:
        opportunity_id, as_of_date, amount (corporate currency, decimal(18, 2)), the attributes
        set at creation; sorted by opportunity_id.
    """
    frame = run_query(con, "open_opportunities", {})
    built_for = frame["as_of_date"].unique().to_list()
    if frame.height and built_for != [as_of]:
        raise ValueError(
            f"core.fct_opportunity was built as of {built_for}, but scores were asked for {as_of}. "
            "Build the core models with the same as_of_date first."
        )
    return frame


def training_snapshots(
    con: DuckDBPyConnection, clock: date, sampling: Sampling
) -> LabelledSnapshots:
    """Sample the past of all opportunities and label what is known at the clock.

    Args:
        con: connection on the warehouse.
        clock: outcomes count when they were recorded by the end of this day.
        sampling: how snapshots are drawn.
    """
    opportunities = run_query(con, "opportunities", {}, {"clock_end": end_of_day(clock)})
    at_clock = snapshot_state(con, opportunities.with_columns(as_of_date=pl.lit(clock)))
    outcomes = at_clock.filter(~pl.col("is_deleted")).select(
        "opportunity_id",
        "account_id",
        "opportunity_type",
        "lead_source",
        "currency_code",
        "first_seen_date",
        is_won=pl.col("is_won"),
        closed_date=pl.when("is_closed").then(pl.col("stage_entered_at").cast(pl.Date)),
    )
    closed = outcomes.filter(pl.col("closed_date").is_not_null())
    recent = outcomes.sort("first_seen_date", "opportunity_id", descending=True).head(
        sampling.max_opportunities
    )
    grid = _sampling_grid(recent, clock, sampling)
    candidates = snapshot_state(con, grid.rename({"is_won": "outcome"})).filter(
        pl.col("stage").is_not_null() & ~pl.col("is_closed") & ~pl.col("is_deleted")
    )
    states = candidates.drop("is_won", "is_closed", "is_deleted")
    is_decided = pl.col("closed_date").is_not_null()
    return LabelledSnapshots(
        frame=states.filter(is_decided).rename({"outcome": "is_won"}),
        undecided=states.filter(~is_decided).drop("outcome"),
        sampled=candidates.select(*KEYS, "closed_date"),
        clock=clock,
        closed_count=closed.height,
        won_count=int(closed["is_won"].sum()),
    )


def _sampling_grid(opportunities: pl.DataFrame, clock: date, sampling: Sampling) -> pl.DataFrame:
    """Each opportunity on every stride-th day from its first day to its closing or the clock."""
    stride = sampling.stride_days
    ids = opportunities["opportunity_id"].to_list()
    phase = (stable_fraction(ids, "snapshot phase") * stride).astype(np.int64)
    first = pl.col("first_seen_date").cast(pl.Int64)
    last = pl.col("closed_date").fill_null(clock).cast(pl.Int64)
    grid = (
        opportunities.with_columns(phase=pl.Series(phase))
        .with_columns(start=first + (pl.col("phase") - first) % stride, stop=last + 1)
        .filter(pl.col("start") < pl.col("stop"))
        .with_columns(day=pl.int_ranges("start", "stop", stride))
        .explode("day")
        .with_columns(as_of_date=pl.lit(EPOCH) + pl.duration(days=pl.col("day")))
    )
    lot = stable_fraction(
        (f"{key}@{day}" for key, day in zip(grid["opportunity_id"], grid["day"], strict=True)),
        "snapshot lot",
    )
    return (
        grid.with_columns(lot=pl.Series(lot))
        .filter(
            pl.col("lot").rank("ordinal").over("opportunity_id") <= sampling.max_per_opportunity
        )
        .drop("phase", "start", "stop", "day", "lot", "first_seen_date")
        .sort(KEYS)
    )
