"""Scalar metrics of forecasts of an amount, and of their quantiles and intervals.

Arrays are of shape (n,), each position one forecast and what it turned out to be. Rates are
fractions, not percentages. What is undefined (no rows, a denominator of zero, a value that is not
known) is NaN, never an error and never 0.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
UNDEFINED = float("nan")


def _ratio(numerator: float, denominator: float) -> float:
    return float(numerator / denominator) if denominator > 0 else UNDEFINED


def _mean(terms: Array) -> float:
    return float(terms.mean()) if len(terms) else UNDEFINED


def wape(actual: Array, forecast: Array) -> float:
    """Sum of absolute errors as a share of the sum of absolute actuals.

    Large amounts count more than small ones; a single actual of zero does no harm.
    """
    return _ratio(np.abs(forecast - actual).sum(), np.abs(actual).sum())


def bias(actual: Array, forecast: Array) -> float:
    """Sum of signed errors as a share of the sum of absolute actuals: positive is too high."""
    return _ratio((forecast - actual).sum(), np.abs(actual).sum())


def smape(actual: Array, forecast: Array) -> float:
    """Symmetric mean absolute percentage error as a fraction, 0 to 2 (Makridakis 1993, as in M4).

    The mean of 2·|F - A| / (|A| + |F|); where both are zero the forecast was right, and the term
    is 0.
    """
    size = np.abs(actual) + np.abs(forecast)
    error = 2.0 * np.abs(forecast - actual)
    return _mean(np.divide(error, size, out=np.where(size == 0, 0.0, size), where=size > 0))


def seasonal_naive_scale(history: Array, season_length: int = 1) -> float:
    """Mean absolute difference between a value and the one a season before, within the history.

    Args:
        history: the values before the forecast, oldest first, of any length.
        season_length: periods in a season; 1 compares neighbours.

    Returns:
        The denominator of MASE; NaN if the history is no longer than a season.
    """
    return _mean(np.abs(history[season_length:] - history[:-season_length]))


def mase(actual: Array, forecast: Array, history: Array, season_length: int = 1) -> float:
    """Mean absolute scaled error of one series (Hyndman and Koehler 2006).

    The mean absolute error over the mean absolute in-sample error of the seasonal naive forecast;
    under 1 is a smaller error than that forecast made one season ahead within the history. NaN
    where the history is no longer than a season or repeats itself exactly.

    Args:
        actual: values of one series, shape (n,).
        forecast: of the same periods, shape (n,).
        history: the series before the forecast, oldest first.
        season_length: periods in a season.
    """
    scale = seasonal_naive_scale(history, season_length)
    return _ratio(_mean(np.abs(forecast - actual)), scale)


def pinball_loss(actual: Array, quantile_forecast: Array, probability: float) -> float:
    """Mean loss of a quantile forecast, in the unit of the actuals (Koenker and Bassett 1978).

    An actual above the forecast costs `probability` per unit, one below costs 1 - `probability`;
    at 0.5 it is half the mean absolute error.

    Args:
        actual: shape (n,).
        quantile_forecast: shape (n,).
        probability: of the quantile, between 0 and 1.
    """
    above = actual - quantile_forecast
    return _mean(np.maximum(probability * above, (probability - 1.0) * above))


def interval_coverage(actual: Array, low: Array, high: Array) -> float:
    """Share of the actuals that lie within their interval, bounds included."""
    inside = ((low <= actual) & (actual <= high)).astype(np.float64)
    known = ~(np.isnan(actual) | np.isnan(low) | np.isnan(high))
    return _mean(np.where(known, inside, UNDEFINED))


def interval_width(low: Array, high: Array) -> float:
    """Mean distance between the bounds, in the unit of the forecast."""
    return _mean(high - low)
