"""Which lead is looked at on which day: the sample that a model learns from, and the open leads
that it scores.

A lead is looked at once in each of its ages, which double in length: on its first day, in the two
days after it, in the four after those, and so on, on a day that a hash chooses, and only while it
is open. So young leads, about which most is decided, count as much as the many that nobody closes.

The label is whether the lead converted within the horizon after the day. A snapshot that is younger
than the horizon at the training clock has no label, also if the lead has converted since: else
recent rows would hold conversions only.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl
from duckdb import DuckDBPyConnection

from ml_assets.features.lead import LEAD_KEYS, lead_state
from ml_assets.features.queries import run_query
from ml_assets.features.snapshots import end_of_day
from ml_assets.hashing import stable_fraction

AGES = (0, 1, 3, 7, 14, 28, 56, 112, 224, 448, 896)
"""First days, since the lead came, of the ages that a lead is looked at in."""


@dataclass(frozen=True)
class LeadSampling:
    """How training snapshots are drawn.

    Attributes:
        horizon_days: days within which a conversion counts.
        max_leads: at most so many leads are sampled, the latest.
        share: of the snapshots are kept, chosen by hash before anything is known of the lead: a
            choice among those that a lead has would favour leads that stay open.
    """

    horizon_days: int = 60
    max_leads: int = 40_000
    share: float = 0.35


@dataclass(frozen=True)
class LeadSnapshots:
    """Snapshots of leads while they were open.

    Attributes:
        frame: one row per lead_id and as_of_date, sorted: the columns of lead_state.sql,
            company_key, converted_at (null: not known at the clock) and is_converted_in_time (null:
            not known yet).
        clock: the day at whose end outcomes are known.
        lead_count: leads known by then.
        converted_count: those of them that had converted.
    """

    frame: pl.DataFrame
    clock: date
    lead_count: int
    converted_count: int


def training_leads(con: DuckDBPyConnection, clock: date, sampling: LeadSampling) -> LeadSnapshots:
    """Sample the past of all leads and label what is known at the clock.

    Args:
        con: connection on the warehouse (schema core).
        clock: conversions count when they were recorded by the end of this day.
        sampling: how snapshots are drawn.
    """
    known = {"clock_end": end_of_day(clock)}
    lives = run_query(con, "lead_life", {}, known)
    start: date | None = run_query(con, "lead_history_start", {}, known)["history_start"][0]
    recent = lives.sort("arrived_at", "lead_id", descending=True).head(sampling.max_leads)
    grid = _sampling_grid(recent, clock if start is None else start, clock, sampling)
    state = lead_state(con, grid).filter("is_open")
    labelled = state.join(
        lives.select("lead_id", "company_key", "converted_at"), on="lead_id", how="left"
    ).with_columns(is_converted_in_time=_label(clock, sampling.horizon_days))
    return LeadSnapshots(
        frame=labelled.sort(LEAD_KEYS),
        clock=clock,
        lead_count=lives.height,
        converted_count=int(lives["converted_at"].is_not_null().sum()),
    )


def open_leads(con: DuckDBPyConnection, as_of: date) -> pl.DataFrame:
    """Every lead that is open at the end of a day: known, not converted, not disqualified, not
    deleted; the columns of lead_state.sql, sorted by lead_id."""
    lives = run_query(con, "lead_life", {}, {"clock_end": end_of_day(as_of)})
    asked = lives.select("lead_id", as_of_date=pl.lit(as_of))
    return lead_state(con, asked).filter("is_open")


def settled_leads(con: DuckDBPyConnection, as_of: date, horizon_days: int) -> tuple[int, int]:
    """Leads that came at least a horizon ago, and how many of them converted within it.

    Returns:
        Converted leads, leads.
    """
    lives = run_query(con, "lead_life", {}, {"clock_end": end_of_day(as_of)})
    settled = lives.filter(
        pl.col("arrived_at") + pl.duration(days=horizon_days) < end_of_day(as_of)
    )
    in_time = pl.col("converted_at") < pl.col("arrived_at") + pl.duration(days=horizon_days)
    return int(settled.select(in_time.fill_null(False).sum()).item()), settled.height


def _label(clock: date, horizon_days: int) -> pl.Expr:
    """Whether the lead converted within the horizon after the day; null while that is not over."""
    day = pl.col("as_of_date")
    end = day.cast(pl.Datetime("us")) + pl.duration(days=1 + horizon_days)
    return pl.when(day + pl.duration(days=horizon_days) <= clock).then(
        (pl.col("converted_at") < end).fill_null(False)
    )


def _sampling_grid(
    lives: pl.DataFrame, start: date, clock: date, sampling: LeadSampling
) -> pl.DataFrame:
    """Each lead on one day of each of its ages, not before `start` and not after the clock."""
    ages = pl.DataFrame({"first": AGES[:-1], "last": AGES[1:]})
    grid = lives.select("lead_id", "arrived_date").join(ages, how="cross")
    names = [f"{key}@{age}" for key, age in zip(grid["lead_id"], grid["first"], strict=True)]
    lot, kept = stable_fraction(names, "lead snapshot"), stable_fraction(names, "lead is kept")
    length = (grid["last"] - grid["first"]).to_numpy()
    day = grid["first"].to_numpy() + np.floor(lot * length).astype(np.int64)
    return (
        grid.with_columns(day=pl.Series(day))
        .with_columns(as_of_date=pl.col("arrived_date") + pl.duration(days=pl.col("day")))
        .filter(pl.col("as_of_date").is_between(start, clock) & pl.Series(kept < sampling.share))
        .select(LEAD_KEYS)
        .sort(LEAD_KEYS)
    )
