"""Whether an open renewal will be lost: a ridge logistic regression on few, telling features.

Renewals that are under way are few at any time, too few for trees to learn from, but what the
customer answers and how far the renewal has come tells most about how it ends.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ml_assets.customers.exposure import CHURN_FEATURES

Array = NDArray[np.float64]

THEMES = ("Renewal progress", "People on the renewal", "Customer's answers")
FEATURES = tuple(
    feature.name
    for feature in CHURN_FEATURES
    if feature.theme in THEMES and feature.kind != "category"
)
LOGGED = ("inbound_30d", "inbound_90d", "days_since_inbound", "renewal_days_in_stage")
PENALTY = 30.0
"""As many rows' worth of evidence that a feature, one spread away from its mean, means nothing."""
LEAST_ROWS = 60
STEPS = 25


@dataclass(frozen=True)
class RenewalOutcome:
    """The fitted regression.

    Attributes:
        centre, spread: of each feature, shape (k,).
        coefficients: intercept and one for each feature, shape (k + 1,).
    """

    centre: Array
    spread: Array
    coefficients: Array

    @classmethod
    def fit(cls, exposure: pl.DataFrame) -> Self | None:
        """Learn from days on which a renewal was open whose end is known.

        Args:
            exposure: rows of `contract_exposure` with labels.

        Returns:
            None with fewer than 60 such rows, or one ending only.
        """
        decided = exposure.filter(pl.col("has_open_renewal") & pl.col("event").is_not_null())
        lost = (decided["event"] == "lost").cast(pl.Float64).to_numpy()
        if len(lost) < LEAST_ROWS or len(np.unique(lost)) < 2:
            return None
        values = _values(decided)
        known = ~np.isnan(values)
        count = np.maximum(known.sum(axis=0), 1)
        filled = np.where(known, values, 0.0)
        centre = filled.sum(axis=0) / count
        spread = np.sqrt((np.where(known, values - centre, 0.0) ** 2).sum(axis=0) / count)
        spread = np.where(spread > 0, spread, 1.0)
        # each renewal weighs the same, however often it was looked at
        looks = decided.select(pl.len().over("contract_id")).to_series().to_numpy()
        coefficients = _ridge(_design(values, centre, spread), lost, 1.0 / looks)
        return cls(centre, spread, coefficients)

    def probability_lost(self, exposure: pl.DataFrame) -> Array:
        """Chance that each renewal ends in a loss, shape (n,); only meant for open ones."""
        design = _design(_values(exposure), self.centre, self.spread)
        return 1 / (1 + np.exp(-(design @ self.coefficients)))

    def as_dict(self) -> dict[str, list[float]]:
        """Plain values for JSON."""
        return {
            "centre": self.centre.tolist(),
            "spread": self.spread.tolist(),
            "coefficients": self.coefficients.tolist(),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """What `as_dict` gave."""
        return cls(**{name: np.array(each, dtype=np.float64) for name, each in values.items()})


def _values(frame: pl.DataFrame) -> Array:
    columns = [frame[name].cast(pl.Float64).fill_null(float("nan")).to_numpy() for name in FEATURES]
    return np.stack(
        [
            np.log1p(np.maximum(column, 0.0)) if name in LOGGED else column
            for name, column in zip(FEATURES, columns, strict=True)
        ],
        axis=1,
    )


def _design(values: Array, centre: Array, spread: Array) -> Array:
    """An intercept and the standardised features; what is unknown lies at the mean."""
    scaled = np.nan_to_num((values - centre) / spread, nan=0.0)
    return np.column_stack([np.ones(len(values)), scaled])


def _ridge(design: Array, outcome: Array, weight: Array) -> Array:
    """Newton's method on the penalised log-likelihood; the intercept is not penalised."""
    penalty = np.full(design.shape[1], PENALTY)
    penalty[0] = 0.0
    coefficients = np.zeros(design.shape[1])
    rate = float(np.average(outcome, weights=weight))
    coefficients[0] = np.log(rate / (1 - rate))
    for _ in range(STEPS):
        chance = 1 / (1 + np.exp(-np.clip(design @ coefficients, -30, 30)))
        gradient = design.T @ (weight * (outcome - chance)) - penalty * coefficients
        curvature = (design * (weight * chance * (1 - chance))[:, None]).T @ design
        step = np.linalg.solve(curvature + np.diag(penalty) + 1e-9 * np.eye(len(penalty)), gradient)
        coefficients = coefficients + np.clip(step, -1.0, 1.0)
        if np.abs(step).max() < 1e-10:
            break
    return coefficients
