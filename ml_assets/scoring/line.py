"""A level and a slope for log-odds: the simplest calibration (Platt 1999)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
STEPS = 15
LARGEST = 30.0
PRIOR = 1.0
SMALLEST = 1e-9


@dataclass(frozen=True)
class Line:
    """Calibrated log-odds are `level + slope * log-odds`; the slope is never below 0."""

    level: float
    slope: float

    def probability(self, log_odds: Array) -> Array:
        """Shape (n,)."""
        return sigmoid(self.level + self.slope * log_odds)


def sigmoid(log_odds: Array) -> Array:
    """Probabilities of log-odds."""
    return 1 / (1 + np.exp(-np.clip(log_odds, -700, 700)))


def fitted_level(outcome: Array, log_odds: Array, weight: Array) -> Array:
    """The log-odds moved by the constant that makes their mean chance the rate of the outcomes.

    With half a row of each outcome as a prior, so that one outcome alone has a finite answer.
    """
    mass = weight.sum()
    rate = (weight @ outcome + 0.5) / (mass + 1)
    level = float(np.log(rate / (1 - rate)) - weight @ log_odds / mass)
    for _ in range(STEPS):
        chance = sigmoid(log_odds + level)
        slope = weight @ (chance * (1 - chance)) / mass
        level += float(np.clip((rate - weight @ chance / mass) / max(slope, SMALLEST), -1, 1))
    return log_odds + level


def fitted_line(outcome: Array, log_odds: Array, weight: Array) -> Line:
    """The line that fits the outcomes best, with a prior so that a perfect ranking has one too.

    The slope per standard deviation of the log-odds has a normal prior of variance 1, as weighty as
    one row, around 0. A ranking that is worse than none gets a slope of 0 and the base rate.

    Args:
        outcome: 0 or 1, shape (n,).
        log_odds: shape (n,).
        weight: of each row, shape (n,).
    """
    mass = weight.sum()
    mean = weight @ log_odds / mass
    spread = float(np.sqrt(weight @ (log_odds - mean) ** 2 / mass))
    rate = (weight @ outcome + 0.5) / (mass + 1)
    alone = Line(float(np.log(rate / (1 - rate))), 0.0)
    if spread == 0:
        return alone
    design = np.column_stack([np.ones(len(outcome)), (log_odds - mean) / spread])
    found = np.array([alone.level, 0.0])
    penalty = np.diag([1e-6, PRIOR])
    for _ in range(STEPS):
        chance = sigmoid(design @ found)
        gradient = design.T @ (weight * (chance - outcome)) + penalty @ found
        curvature = design.T @ (design * (weight * chance * (1 - chance))[:, None]) + penalty
        found = np.clip(found - np.linalg.solve(curvature, gradient), -LARGEST, LARGEST)
    if found[1] <= 0:
        return alone
    slope = float(found[1] / spread)
    return Line(float(found[0] - slope * mean), slope)
