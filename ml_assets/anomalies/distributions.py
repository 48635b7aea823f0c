"""Tail probabilities and quantiles of the three families, over arrays, and in the middle of a step
where a figure is a whole number.

`unusual` gives two-sided mid-p values: the probability of the observed figure counts half, which
makes a test of few events neither blind nor jumpy (Lancaster, 1961, JASA 56).
"""

from __future__ import annotations

import numpy as np
from scipy import special  # pyright: ignore[reportMissingTypeStubs]

from ml_assets.evaluation.metrics import Array

SMALLEST_DISPERSION = 1e-9


def count_tails(observed: Array, mean: Array, dispersion: Array) -> tuple[Array, Array]:
    """P(X < x) + P(X = x) / 2 and its complement, X negative binomial with variance
    mean + dispersion · mean²."""
    size = 1.0 / np.maximum(dispersion, SMALLEST_DISPERSION)
    success = size / (size + mean)
    at_most = special.betainc(size, np.floor(observed) + 1.0, success)
    above = special.betaincc(size, np.floor(observed) + 1.0, success)
    below = np.where(
        observed >= 1, special.betainc(size, np.maximum(np.floor(observed), 1.0), success), 0.0
    )
    half = (at_most - below) / 2
    return below + half, above + half


def count_quantile(share: float, mean: Array, dispersion: Array) -> Array:
    """Smallest whole number with P(X ≤ x) ≥ share, X as in `count_tails`."""
    low = np.full(mean.shape, -1.0)
    spread = np.sqrt(mean + dispersion * mean**2)
    high = np.ceil(mean + 40 * spread + 40)
    size = 1.0 / np.maximum(dispersion, SMALLEST_DISPERSION)
    success = size / (size + mean)
    while np.any(high - low > 1):
        middle = np.floor((low + high) / 2)
        reached = special.betainc(size, middle + 1.0, success) >= share
        wide = high - low > 1
        high = np.where(wide & reached, middle, high)
        low = np.where(wide & ~reached, middle, low)
    return high


def share_distribution(cases: float, mean: float, correlation: float) -> Array:
    """P(X = 0), …, P(X = cases) of a beta-binomial whose cases correlate by `correlation`."""
    precision = 1.0 / max(correlation, 1e-6) - 1.0
    hits = np.arange(int(cases) + 1.0)
    a, b = mean * precision, (1 - mean) * precision
    log = (
        special.gammaln(cases + 1)
        - special.gammaln(hits + 1)
        - special.gammaln(cases - hits + 1)
        + special.betaln(hits + a, cases - hits + b)
        - special.betaln(a, b)
    )
    probability = np.exp(log)
    return probability / probability.sum()


def level_tails(error: Array, scale: Array, freedom: float) -> tuple[Array, Array]:
    """P(X ≤ error) and its complement, X Student's t with `freedom` degrees, times `scale`."""
    below = special.stdtr(freedom, error / scale)
    return below, 1 - below


def two_sided(below: Array, above: Array) -> Array:
    """Two-sided p-value of two tails."""
    return np.minimum(1.0, 2 * np.minimum(below, above))
