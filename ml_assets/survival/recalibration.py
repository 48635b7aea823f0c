"""Hazards set right by what later landmarks showed: a logistic recalibration per event.

The log-odds of an event against nothing become a + b · log-odds + c · log(1 + period). Fitted by
penalised maximum likelihood: without data it is the identity, and a few events can't turn it far.

Source: Cox (1958), "Two further applications of a model for binary regression".
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
IDENTITY = np.array([0.0, 1.0, 0.0])
PENALTY = np.array([1.0, 25.0, 25.0])  # as many events' worth of information for the identity
STEPS = 30


@dataclass(frozen=True)
class Recalibration:
    """`intercept`, `slope` and `period_slope` of the corrected log-odds."""

    intercept: float
    slope: float
    period_slope: float

    @classmethod
    def fit(cls, logit: Array, period: Array, outcome: Array, weight: Array) -> Recalibration:
        """Learn from periods that the trees have not seen.

        Args:
            logit: log-odds, shape (n,).
            period: number of the period, shape (n,).
            outcome: 1 where the event happened, 0 where nothing did, shape (n,).
            weight: of each period, shape (n,).
        """
        design = np.column_stack([np.ones(len(logit)), logit, np.log1p(period)])
        coefficients = IDENTITY.copy()
        for _ in range(STEPS):
            chance = 1 / (1 + np.exp(-np.clip(design @ coefficients, -30, 30)))
            gradient = design.T @ (weight * (outcome - chance))
            gradient -= PENALTY * (coefficients - IDENTITY)
            curvature = (design * (weight * chance * (1 - chance))[:, None]).T @ design
            step = np.linalg.solve(curvature + np.diag(PENALTY), gradient)
            coefficients = coefficients + np.clip(step, -1.0, 1.0)
            if np.abs(step).max() < 1e-9:
                break
        # a negative slope would turn the order of risks around, which no calibration may
        coefficients[1] = max(coefficients[1], 0.0)
        return cls(*(float(value) for value in coefficients))

    def apply(self, logit: Array, period: Array) -> Array:
        """Corrected log-odds, shape (n,)."""
        return self.intercept + self.slope * logit + self.period_slope * np.log1p(period)
