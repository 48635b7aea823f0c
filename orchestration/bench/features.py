"""Features as of many evenings: all in one pass, beside evening by evening."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb
import polars as pl

from ml_assets.features import Sampling, opportunity_features, training_snapshots
from orchestration.bench.measuring import Bench, Case

EVENINGS = 10


@dataclass(frozen=True)
class _Sample:
    database: Path
    snapshots: pl.DataFrame


def _sample(bench: Bench) -> _Sample:
    """The deals that were open on the latest evenings of the training sample."""
    company = bench.company
    with duckdb.connect(str(company.database), read_only=True) as con:
        frame = training_snapshots(con, company.demo_end, Sampling(stride_days=7)).frame
    evenings: list[date] = frame["as_of_date"].unique().sort().tail(EVENINGS).to_list()
    return _Sample(company.database, frame.filter(pl.col("as_of_date").is_in(evenings)))


def _at_once(sample: _Sample) -> int:
    with duckdb.connect(str(sample.database), read_only=True) as con:
        return opportunity_features(con, sample.snapshots).height


def _evening_by_evening(sample: _Sample) -> int:
    with duckdb.connect(str(sample.database), read_only=True) as con:
        return sum(
            opportunity_features(con, evening).height
            for evening in sample.snapshots.partition_by("as_of_date")
        )


CASES = (
    Case(
        "opportunities",
        f"the features of the deals that were open on {EVENINGS} evenings",
        _sample,
        _at_once,
        "a pass for each evening",
        _evening_by_evening,
    ),
)
