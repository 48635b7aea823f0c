"""What a lead score has to beat: the source alone, and points as they are given by hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ml_assets.baselines.rates import PRIOR_ROWS, StageRate

POINTS: tuple[tuple[str, str, int], ...] = (
    ("rating", "Hot", 30),
    ("rating", "Warm", 15),
    ("seniority", "executive", 15),
    ("seniority", "vice president", 12),
    ("seniority", "director", 8),
    ("seniority", "manager", 4),
)
"""Column, value and its points: a hand-made profile score of the usual kind."""

POINTS_PER_COUNT: tuple[tuple[str, int, int], ...] = (
    ("forms_since_arrival", 10, 2),
    ("answers_total", 10, 3),
    ("meetings_total", 15, 2),
    ("clicks_total", 5, 3),
    ("opens_total", 2, 3),
    ("visit_days_total", 3, 5),
)
"""Column, points for each, and how many of them count at most."""

OLD_AFTER_DAYS = 30.0
OLD_POINTS = -20
BINS = 10


def points(frame: pl.DataFrame) -> NDArray[np.float64]:
    """Points of each row: profile and behaviour, less for leads that came long ago, shape (n,)."""
    total = pl.lit(0.0)
    for column, value, worth in POINTS:
        total += pl.when(pl.col(column) == value).then(float(worth)).otherwise(0.0)
    for column, worth, most in POINTS_PER_COUNT:
        total += pl.col(column).fill_null(0).clip(0, most) * worth
    total += pl.when(pl.col("age_days") > OLD_AFTER_DAYS).then(float(OLD_POINTS)).otherwise(0.0)
    return frame.select(points=total)["points"].to_numpy()


def source_rate(frame: pl.DataFrame, target: str) -> StageRate:
    """The share of past rows from the same source that converted."""
    return StageRate.fit(frame, target, stage="lead_source")


@dataclass(frozen=True)
class PointsRate:
    """Points turned into a probability: the share of past rows with so many points that converted.

    Attributes:
        cuts: ascending bounds of the bins of points.
        rates: conversion rate of each bin, drawn towards the base rate by 20 imagined rows.
    """

    cuts: tuple[float, ...]
    rates: tuple[float, ...]

    @classmethod
    def fit(cls, frame: pl.DataFrame, target: str) -> Self:
        """Learn the rates from rows with known outcome."""
        outcome, given = frame[target].cast(pl.Float64).to_numpy(), points(frame)
        cuts = np.unique(np.quantile(given, np.arange(1, BINS) / BINS))
        bin_of = np.searchsorted(cuts, given, side="left")
        base_rate = float(outcome.mean())
        count = np.bincount(bin_of, minlength=len(cuts) + 1)
        positive = np.bincount(bin_of, outcome, minlength=len(cuts) + 1)
        rates = (positive + PRIOR_ROWS * base_rate) / (count + PRIOR_ROWS)
        return cls(tuple(cuts.tolist()), tuple(rates.tolist()))

    def probability(self, frame: pl.DataFrame) -> NDArray[np.float64]:
        """Shape (rows,)."""
        return np.array(self.rates)[np.searchsorted(self.cuts, points(frame), side="left")]


def baselines(
    training: pl.DataFrame, test: pl.DataFrame, target: str
) -> Mapping[str, NDArray[np.float64]]:
    """What the baselines, learnt on `training`, say of `test`."""
    base_rate = float(training[target].cast(pl.Float64).to_numpy().mean())
    return {
        "base_rate": np.full(test.height, base_rate),
        "source_rate": source_rate(training, target).probability(test),
        "points_rate": PointsRate.fit(training, target).probability(test),
    }
