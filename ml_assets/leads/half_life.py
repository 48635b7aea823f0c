"""How fast an engagement fades, measured: which half-life tells best who converts.

For each candidate a logistic regression on what has faded by it, and on the lead's age (so that it
is not the age that is measured), is fitted to the training rows; the one with the lowest log loss
is chosen. All have the same number of coefficients, so none is favoured.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ml_assets.evaluation import log_loss
from ml_assets.features.lead import decayed_columns

RIDGE = 1e-3
STEPS = 12


def half_life_losses(
    frame: pl.DataFrame, target: str, half_lives: Sequence[int]
) -> dict[int, float]:
    """Log loss of each half-life on the rows of `frame`.

    Args:
        frame: rows with `target`, `age_days` and the fading columns of each half-life.
        target: boolean column without nulls.
        half_lives: candidates, in days.
    """
    outcome = frame[target].cast(pl.Float64).to_numpy()
    age = np.log1p(frame["age_days"].to_numpy())
    losses: dict[int, float] = {}
    for days in half_lives:
        faded = [np.log1p(frame[name].to_numpy()) for name in decayed_columns(days).values()]
        design = np.column_stack([np.ones(len(age)), age, age**2, *faded])
        losses[days] = log_loss(outcome, _fitted(design, outcome))
    return losses


def best_half_life(losses: dict[int, float]) -> int:
    """The candidate with the lowest log loss, the shortest of equals."""
    return min(losses, key=lambda days: (losses[days], days))


def _fitted(design: NDArray[np.float64], outcome: NDArray[np.float64]) -> NDArray[np.float64]:
    """Probabilities of a logistic regression (Newton's method, a trace of ridge), shape (n,)."""
    centre, spread = design[:, 1:].mean(axis=0), design[:, 1:].std(axis=0)
    scaled = design.copy()
    scaled[:, 1:] = (design[:, 1:] - centre) / np.where(spread > 0, spread, 1.0)
    coefficients = np.zeros(design.shape[1])
    probability = np.full(len(outcome), 0.5)
    for _ in range(STEPS):
        slope = scaled.T @ (outcome - probability) - RIDGE * coefficients
        curve = (scaled * (probability * (1 - probability))[:, None]).T @ scaled
        curve += RIDGE * np.eye(design.shape[1])
        coefficients = coefficients + np.linalg.solve(curve, slope)
        probability = 1 / (1 + np.exp(-np.clip(scaled @ coefficients, -30, 30)))
    return probability
