"""Intervals from the errors that the forecaster made at rolling origins (split conformal)."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
PRIOR_ORIGINS = 3.0
HALF_LIFE = 0.5
"""Horizons after which an origin counts half as much for the width of intervals."""

GRID = 1001
NORMAL_SPREAD = float(np.sqrt(np.pi / 2.0))
"""Standard deviation over mean absolute deviation of a normal variable."""


@dataclass(frozen=True)
class Spread:
    """How wide intervals are.

    Attributes:
        sizes: usual absolute error of each series and step, shape (series, steps).
        scores: quantiles of absolute errors over their usual size, ascending, at evenly spaced
            probabilities; empty where no error is known.
        score_count: errors behind `scores`.
    """

    sizes: Array
    scores: Array
    score_count: int

    def reach(self, level: float) -> float:
        """How many usual errors an interval of a level, in percent, reaches to either side.

        Where there are too few errors to tell, at least as far as if they were normal.
        """
        share = level / 100.0
        normal = NORMAL_SPREAD * NormalDist().inv_cdf(0.5 + share / 2.0)
        if self.score_count == 0:
            return normal
        # The finite-sample rank of split conformal prediction (Lei and others 2018).
        rank = share * (self.score_count + 1) / self.score_count
        empirical = float(np.quantile(self.scores, min(1.0, rank)))
        return max(normal, empirical) if rank > 1.0 else empirical


def empirical_bounds(history: Array, level: float, season_length: int) -> tuple[float, float]:
    """The bounds that the share of a level of recent values lay between, for intermittent demand.

    Its errors are either none or a whole demand, so their usual size says little. The latest three
    seasons count, and at least 24 periods.
    """
    recent = history[-max(24, 3 * season_length) :]
    tail = (1.0 - level / 100.0) / 2.0
    low, high = np.quantile(recent, [tail, 1.0 - tail])
    return float(low), float(high)


def spread_of_errors(errors: Array, origin_gaps: NDArray[np.intp], volatility: Array) -> Spread:
    """Usual sizes of errors by series and step, and the distribution around them.

    A series' size is the mean of its own errors, drawn towards what its volatility lets expect; it
    is multiplied by a profile over steps that all series share and that never falls. The scores at
    an origin use sizes from origins that don't overlap with it, so that they are as large as on
    days to come. Unruly years come and go, so origins count half as much for every half horizon
    that they lie further back (weighted conformal prediction, Barber and others 2023).

    Args:
        errors: signed, shape (series, origins, steps); NaN where unknown.
        origin_gaps: periods from each origin to the end, shape (origins,).
        volatility: usual change of each series in the unit of the errors, shape (series,), ≥ 0.
    """
    absolute = np.abs(errors)
    steps = errors.shape[2]
    weight = 0.5 ** ((origin_gaps - origin_gaps.min(initial=0)) / (HALF_LIFE * steps))
    profile = _profile(absolute, weight, volatility)
    scaled = absolute / profile
    overlap = np.abs(origin_gaps[:, None] - origin_gaps[None, :]) < steps
    prior = _expected_sizes(scaled, weight, volatility)
    scores, score_weights = [np.empty(0)], [np.empty(0)]
    for origin in range(errors.shape[1]):
        apart = ~overlap[origin]
        size = _sizes(scaled[:, apart], weight[apart], prior)
        there = ~np.isnan(scaled[:, origin]) & (size > 0)[:, None]
        scores.append((scaled[:, origin] / np.where(size > 0, size, 1.0)[:, None])[there])
        score_weights.append(np.full(int(there.sum()), weight[origin]))
    grid, count = _quantiles(np.concatenate(scores), np.concatenate(score_weights))
    return Spread(_sizes(scaled, weight, prior)[:, None] * profile, grid, count)


def _quantiles(scores: Array, weights: Array) -> tuple[Array, int]:
    """Weighted quantiles at evenly spaced probabilities, and how many scores they are worth."""
    if len(scores) == 0:
        return scores, 0
    order = np.argsort(scores, kind="stable")
    below = (np.cumsum(weights[order]) - weights[order] / 2.0) / weights.sum()
    grid = np.interp(np.linspace(0.0, 1.0, GRID), below, scores[order])
    return grid, max(1, int(weights.sum() ** 2 / (weights**2).sum()))


def _profile(absolute: Array, weight: Array, volatility: Array) -> Array:
    """Mean error by step over that of the first, non-decreasing; like √step where unknown."""
    steps = absolute.shape[2]
    usual = np.where(volatility > 0, volatility, np.nan)[:, None, None]
    known = absolute / usual
    mass = (~np.isnan(known) * weight[None, :, None]).sum(axis=(0, 1))
    profile = np.sqrt(np.arange(1.0, steps + 1))
    if mass[0] == 0:
        return profile
    total = np.nansum(known * weight[None, :, None], axis=(0, 1))
    last = int(np.flatnonzero(mass)[-1])
    mean = np.where(mass > 0, total / np.where(mass > 0, mass, 1.0), 0.0)
    fitted = _non_decreasing(mean[: last + 1], mass[: last + 1])
    if fitted[-1] <= 0:
        return profile
    beyond = fitted[-1] * profile[last + 1 :] / profile[last]
    whole = np.concatenate([np.maximum(fitted, 1e-3 * fitted[-1]), beyond])
    return whole / whole.mean()


def _non_decreasing(values: Array, weights: Array) -> Array:
    """The closest non-decreasing values (pool adjacent violators)."""
    blocks: list[tuple[float, float, int]] = []
    for value, weight in zip(values, weights, strict=True):
        mean, mass, length = float(value), float(weight), 1
        while blocks and blocks[-1][0] >= mean:
            before, before_mass, before_length = blocks.pop()
            both = before_mass + mass
            mean = (before * before_mass + mean * mass) / both if both > 0 else before
            mass, length = both, length + before_length
        blocks.append((mean, mass, length))
    return np.concatenate([np.full(length, mean) for mean, _, length in blocks])


def _own_mean(scaled: Array, weight: Array) -> Array:
    """Weighted mean error of each series, NaN where none is known, shape (series,)."""
    mass = (~np.isnan(scaled) * weight[None, :, None]).sum(axis=(1, 2))
    total = np.nansum(scaled * weight[None, :, None], axis=(1, 2))
    return np.where(mass > 0, total / np.where(mass > 0, mass, 1.0), np.nan)


def _expected_sizes(scaled: Array, weight: Array, volatility: Array) -> Array:
    """The error that each series' volatility lets expect, shape (series,)."""
    own = _own_mean(scaled, weight)
    both = ~np.isnan(own) & (own > 0) & (volatility > 0)
    # The mean of log ratios, which no series dominates.
    ratio = float(np.exp(np.log(own[both] / volatility[both]).mean())) if both.any() else 1.0
    return ratio * volatility


def _sizes(scaled: Array, weight: Array, prior: Array) -> Array:
    """Usual error of each series at a step of average difficulty, shape (series,)."""
    own = _own_mean(scaled, weight)
    origins = ((~np.isnan(scaled)).any(axis=2) * weight).sum(axis=1)
    trust = origins / (origins + PRIOR_ORIGINS)
    return np.where(np.isnan(own), prior, trust * np.nan_to_num(own) + (1.0 - trust) * prior)
