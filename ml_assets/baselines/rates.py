"""Win rates as predictions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

PRIOR_ROWS = 20.0


@dataclass(frozen=True)
class BaseRate:
    """The same probability for everyone: the share of past rows that were positive."""

    rate: float

    @classmethod
    def fit(cls, frame: pl.DataFrame, target: str, *, weight: str | None = None) -> Self:
        """Learn the rate from rows with known outcome (0.5 without any)."""
        if frame.is_empty():
            return cls(0.5)
        outcome, weights = _outcome_and_weight(frame, target, weight)
        return cls(float(np.average(outcome, weights=weights)))

    def probability(self, frame: pl.DataFrame) -> NDArray[np.float64]:
        """Shape (rows,)."""
        return np.full(frame.height, self.rate)


@dataclass(frozen=True)
class StageRate:
    """The share of past rows in the same stage, as of then, that were positive.

    A stage with few rows is drawn towards the base rate by 20 imagined rows; an unseen stage gets
    the base rate.
    """

    base_rate: float
    rates: Mapping[str, float]
    stage: str

    @classmethod
    def fit(
        cls, frame: pl.DataFrame, target: str, *, stage: str = "stage", weight: str | None = None
    ) -> Self:
        """Learn the rates from rows with known outcome."""
        base_rate = BaseRate.fit(frame, target, weight=weight).rate
        outcome, weights = _outcome_and_weight(frame, target, weight)
        stages = np.array(frame[stage].fill_null("").to_list(), dtype=str)
        rates: dict[str, float] = {}
        for name in np.unique(stages[stages != ""]):
            rows = stages == name
            positives = float((weights[rows] * outcome[rows]).sum())
            mass = float(weights[rows].sum())
            rates[str(name)] = (positives + PRIOR_ROWS * base_rate) / (mass + PRIOR_ROWS)
        return cls(base_rate, rates, stage)

    def probability(self, frame: pl.DataFrame) -> NDArray[np.float64]:
        """Shape (rows,)."""
        stages = frame[self.stage].to_list()
        return np.array([self.rates.get(name, self.base_rate) for name in stages], dtype=np.float64)


def _outcome_and_weight(
    frame: pl.DataFrame, target: str, weight: str | None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    outcome = frame[target].cast(pl.Float64).to_numpy()
    weights = np.ones(frame.height) if weight is None else frame[weight].to_numpy()
    return outcome, weights
