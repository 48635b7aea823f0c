"""Scalar metrics of binary probabilities.

Every function takes `outcome` (0 or 1), `probability` (0 to 1) and optional non-negative `weight`,
all of shape (n,), and returns one float; what is undefined (one class only, no rows, all weights
zero) is NaN, never an error. Ties in `probability` are treated so that the order of rows never
matters.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
WeightedMetric = Callable[[Array], float]
SMALLEST_PROBABILITY = 1e-15
CALIBRATION_BINS = 10


def _weights(outcome: Array, weight: Array | None) -> Array:
    return np.ones(len(outcome)) if weight is None else weight


def ranked(
    outcome: Array, probability: Array, area: Callable[[Array, Array], float]
) -> WeightedMetric:
    """A ranking metric as a function of the weights; the rows are sorted once.

    Args:
        outcome: 0 or 1, shape (n,).
        probability: shape (n,).
        area: `roc_area` or `precision_area`.
    """
    distinct, position = np.unique(probability, return_inverse=True)
    count = len(distinct)

    def of(weight: Array) -> float:
        positives = np.bincount(position, weight * outcome, minlength=count)
        everything = np.bincount(position, weight, minlength=count)
        return area(positives.astype(np.float64), (everything - positives).astype(np.float64))

    return of


def roc_area(positives: Array, negatives: Array) -> float:
    """ROC-AUC from the weights of both outcomes at each distinct probability, ascending."""
    pairs = positives.sum() * negatives.sum()
    if pairs <= 0:
        return float("nan")
    negatives_below = np.cumsum(negatives) - negatives
    return float((positives * (negatives_below + negatives / 2)).sum() / pairs)


def precision_area(positives: Array, negatives: Array) -> float:
    """Average precision from the weights of both outcomes, as for `roc_area`."""
    if positives.sum() <= 0:
        return float("nan")
    found = np.cumsum(positives[::-1])
    selected = found + np.cumsum(negatives[::-1])
    precision = np.divide(found, selected, out=np.zeros_like(found), where=selected > 0)
    return float((positives[::-1] * precision).sum() / positives.sum())


def roc_auc(outcome: Array, probability: Array, weight: Array | None = None) -> float:
    """Chance that a random positive is ranked above a random negative, ties counting a half."""
    return ranked(outcome, probability, roc_area)(_weights(outcome, weight))


def average_precision(outcome: Array, probability: Array, weight: Array | None = None) -> float:
    """Area under the precision-recall steps (average precision), without interpolation."""
    return ranked(outcome, probability, precision_area)(_weights(outcome, weight))


def averaged(terms: Array) -> WeightedMetric:
    """The weighted mean of each row's term as a function of the weights."""

    def of(weight: Array) -> float:
        mass = weight.sum()
        return float((weight * terms).sum() / mass) if mass > 0 else float("nan")

    return of


def log_loss(outcome: Array, probability: Array, weight: Array | None = None) -> float:
    """Mean negative log-likelihood in nats; probabilities are kept 1e-15 away from 0 and 1."""
    return averaged(log_loss_terms(outcome, probability))(_weights(outcome, weight))


def log_loss_terms(outcome: Array, probability: Array) -> Array:
    """Each row's negative log-likelihood in nats, shape (n,)."""
    clipped = np.clip(probability, SMALLEST_PROBABILITY, 1.0 - SMALLEST_PROBABILITY)
    return -(outcome * np.log(clipped) + (1.0 - outcome) * np.log1p(-clipped))


def brier_score(outcome: Array, probability: Array, weight: Array | None = None) -> float:
    """Mean squared difference between probability and outcome (Brier 1950, binary form)."""
    return averaged(brier_terms(outcome, probability))(_weights(outcome, weight))


def brier_terms(outcome: Array, probability: Array) -> Array:
    """Each row's squared difference, shape (n,)."""
    return (probability - outcome) ** 2


def skill(loss: float, reference_loss: float) -> float:
    """Share of the reference's loss that is removed: 1 perfect, 0 no better, negative worse."""
    return float("nan") if reference_loss == 0 else 1.0 - loss / reference_loss


def equal_mass_bins(probability: Array, bins: int = CALIBRATION_BINS) -> NDArray[np.intp]:
    """Bin number 0 … bins - 1 of each row, cut at the quantiles of `probability`.

    Equal probabilities always share a bin, so bins may differ in size or be empty when there are
    few distinct values.
    """
    if len(probability) == 0:
        return np.zeros(0, dtype=np.intp)
    cuts = np.quantile(probability, np.arange(1, bins) / bins)
    return np.searchsorted(np.unique(cuts), probability, side="left")


def binned_gap(outcome: Array, probability: Array, bins: int = CALIBRATION_BINS) -> WeightedMetric:
    """The calibration error as a function of the weights; the bins stay as they are."""
    bin_of = equal_mass_bins(probability, bins)
    gaps = probability - outcome

    def of(weight: Array) -> float:
        mass = weight.sum()
        if mass <= 0:
            return float("nan")
        return float(np.abs(np.bincount(bin_of, weight * gaps)).sum() / mass)

    return of


def expected_calibration_error(
    outcome: Array,
    probability: Array,
    weight: Array | None = None,
    bins: int = CALIBRATION_BINS,
) -> float:
    """Mean absolute gap between predicted and observed rate over equal-mass bins.

    The gap of each bin counts with the bin's weight. Noise alone makes it positive: about
    0.8·sqrt(p(1-p)·bins/n) for a perfectly calibrated model.
    """
    return binned_gap(outcome, probability, bins)(_weights(outcome, weight))
