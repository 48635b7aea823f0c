"""Weights of models for each series, by their errors at rolling origins and by its traits."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
PRIOR_ORIGINS = 6.0
"""Origins at which a series' own errors count as much as those of all series together."""

SERIES_FOR_TRAITS = 30
RIDGE = 10.0
SMALLEST_ERROR = 1e-9


@dataclass(frozen=True)
class Weights:
    """How a forecast is put together.

    Attributes:
        values: shape (series, models); each row sums to 1, with 0 for models that the series does
            not have.
        sharpness: the exponent of the inverse errors that was best at origins left out.
    """

    values: Array
    sharpness: float


def choose_weights(
    forecasts: Array,
    actual: Array,
    origin_gaps: NDArray[np.intp],
    has: NDArray[np.bool_],
    scale: Array,
    traits: Array,
    sharpness: tuple[float, ...],
) -> Weights:
    """Weights by inverse expected errors; how strongly errors count is chosen by cross-validation.

    Each origin in turn is forecast with weights from the origins whose periods don't overlap with
    its own (from all others, if there are none). A series' expected error of a model is what its
    own origins show, drawn towards what series of such traits show (a ridge regression over series
    of the same models).

    Args:
        forecasts: shape (series, origins, models, steps); NaN where there is none.
        actual: shape (series, origins, steps); NaN where nothing is known.
        origin_gaps: periods from each origin to the end, shape (origins,).
        has: which models each series has, shape (series, models).
        scale: of each series' errors, shape (series,), positive.
        traits: shape (series, k).
        sharpness: exponents to choose from; on a tie the first.
    """
    errors = np.abs(forecasts - actual[:, :, None, :]) / scale[:, None, None, None]
    mean = _mean(errors, 3)
    origins = np.flatnonzero(~np.isnan(mean).all(axis=(0, 2)))
    if len(origins) < 2 or len(sharpness) == 1:
        chosen = sharpness[-1] if len(sharpness) == 1 else sharpness[0]
        return Weights(_weights(mean, has, traits, chosen), chosen)
    losses = np.zeros(len(sharpness))
    for origin in origins:
        apart = np.abs(origin_gaps - origin_gaps[origin]) >= actual.shape[2]
        is_other = np.arange(len(origin_gaps)) != origin
        others = mean[:, apart if (~np.isnan(mean[:, apart])).any() else is_other]
        here = forecasts[:, origin : origin + 1]
        for at, exponent in enumerate(sharpness):
            said = combine(here, _weights(others, has, traits, exponent))[:, 0]
            losses[at] += np.nansum(np.abs(said - actual[:, origin]) / scale[:, None])
    best = sharpness[int(np.argmin(losses))]
    return Weights(_weights(mean, has, traits, best), best)


def combine(forecasts: Array, weights: Array) -> Array:
    """The weighted mean of the models that speak; NaN where none does.

    Args:
        forecasts: shape (series, origins, models, steps).
        weights: shape (series, models).

    Returns:
        Shape (series, origins, steps).
    """
    speaks = ~np.isnan(forecasts)
    share = np.where(speaks, weights[:, None, :, None], 0.0)
    total = share.sum(axis=2)
    summed = (np.where(speaks, forecasts, 0.0) * share).sum(axis=2)
    return np.where(total > 0, summed / np.where(total > 0, total, 1.0), np.nan)


def _mean(values: Array, axis: int) -> Array:
    """The mean of what is known along an axis, NaN where nothing is."""
    known = ~np.isnan(values)
    count = known.sum(axis=axis)
    total = np.where(known, values, 0.0).sum(axis=axis)
    return np.where(count > 0, total / np.maximum(1, count), np.nan)


def _weights(mean: Array, has: NDArray[np.bool_], traits: Array, exponent: float) -> Array:
    """Weights from the mean error of each (series, origin, model)."""
    seen = ~np.isnan(mean)
    origins = seen.any(axis=2).sum(axis=1).astype(np.float64)
    own = np.log(np.maximum(_mean(mean, 1), SMALLEST_ERROR))
    expected = np.zeros(own.shape)
    # Series with the same models are compared with each other.
    sets, set_of = np.unique(has, axis=0, return_inverse=True)
    for at in range(len(sets)):
        rows = np.flatnonzero(set_of.ravel() == at)
        columns = np.flatnonzero(has[rows[0]])
        block = own[np.ix_(rows, columns)]
        block = block - block.mean(axis=1, keepdims=True)
        prior = _expected(block, traits[rows])
        trust = (origins[rows] / (origins[rows] + PRIOR_ORIGINS))[:, None]
        expected[np.ix_(rows, columns)] = np.where(
            np.isnan(block), prior, trust * block + (1.0 - trust) * prior
        )
    raw = np.where(has, np.exp(-exponent * expected), 0.0)
    return raw / np.maximum(raw.sum(axis=1, keepdims=True), 1e-300)


def _expected(block: Array, traits: Array) -> Array:
    """Log errors relative to a series' mean that its traits let expect, shape as `block`."""
    known = ~np.isnan(block).any(axis=1)
    if not known.any():
        return np.zeros(block.shape)
    centre = block[known].mean(axis=0)
    if known.sum() < SERIES_FOR_TRAITS:
        return np.broadcast_to(centre, block.shape)
    spread = traits[known].std(axis=0)
    usable = spread > 0
    standard = (traits[:, usable] - traits[known][:, usable].mean(axis=0)) / spread[usable]
    standard = np.clip(standard, -3.0, 3.0)
    x: Array = standard[known]
    y: Array = block[known] - centre
    ridge: Array = x.T @ x + RIDGE * np.eye(x.shape[1])
    slopes = np.linalg.solve(ridge, x.T @ y).astype(np.float64)
    return centre + standard @ slopes
