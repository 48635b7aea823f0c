"""What a series is like: its kind, which decides its models, and traits, which tilt weights."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Kind = Literal["constant", "short", "intermittent", "positive", "regular"]
INTERMITTENT_INTERVAL = 1.32
"""Mean periods per demand from which demand counts as intermittent (Syntetos and Boylan 2005)."""

FEWEST_PERIODS = 8
FEWEST_DIFFERENCES = 3
"""Fewest periods of which to say that they do not change."""

TRAITS = ("length", "trend", "seasonality", "change", "turn")


def kind_of(values: Array, season_length: int) -> Kind:
    """What to call a series: constant, short, intermittent, or else positive or not.

    Short is less than two seasons and a half, or eight periods.
    """
    if len(values) < FEWEST_DIFFERENCES:
        return "short"
    if np.ptp(values) == 0:
        return "constant"
    interval = len(values) / np.count_nonzero(values)
    is_long = len(values) >= FEWEST_PERIODS
    if is_long and values.min() >= 0 and interval >= INTERMITTENT_INTERVAL:
        return "intermittent"
    if len(values) < shortest_regular(season_length):
        return "short"
    return "positive" if values.min() > 0 else "regular"


def shortest_regular(season_length: int) -> int:
    """Fewest periods with which a series is not short."""
    return max(FEWEST_PERIODS, int(np.ceil(2.5 * season_length)))


def candidates(kind: Kind, models: tuple[str, ...]) -> tuple[str, ...]:
    """The local models that are tried on a series of a kind.

    Args:
        kind: of the series.
        models: those that a positive series gets.
    """
    if kind == "constant":
        return ("naive",)
    if kind == "short":
        return ("seasonal_naive", "naive", "latest_mean")
    if kind == "intermittent":
        return ("latest_mean", "croston_sba", "tsb")
    if kind == "regular":
        return tuple(name for name in models if not name.endswith("_log")) or ("seasonal_naive",)
    return models


def traits_of(values: Array, season_length: int) -> Array:
    """Numbers without unit that say how a series behaves, shape (len(TRAITS),).

    Log length in seasons; share of variance that a straight line, and then the seasonal profile,
    explain; usual seasonal difference over usual value; how much neighbouring differences turn.
    """
    spread = float(values.var())
    if spread == 0:
        return np.zeros(len(TRAITS))
    at = np.arange(len(values))
    line = np.polyval(np.polyfit(at, values, 1), at)
    rest = values - line
    position = at % season_length
    seen = np.maximum(1, np.bincount(position, minlength=season_length))
    profile = np.bincount(position, rest, minlength=season_length) / seen
    lag = min(season_length, len(values) - 1)
    steps = np.diff(values)
    turn = float((steps[1:] * steps[:-1]).sum() / max((steps**2).sum(), 1e-300))
    return np.array(
        [
            np.log(len(values) / season_length),
            1.0 - rest.var() / spread,
            1.0 - (rest - profile[position]).var() / max(float(rest.var()), 1e-300),
            np.abs(values[lag:] - values[:-lag]).mean() / np.abs(values).mean(),
            turn,
        ]
    )


def volatility_of(values: Array, season_length: int) -> float:
    """Mean absolute seasonal difference, or that of neighbours where the series is too short.

    Of fewer than three values nothing can be learnt; half their mean is taken.
    """
    lag = season_length if len(values) > season_length else 1
    change = float(np.abs(values[lag:] - values[:-lag]).mean()) if len(values) > lag else 0.0
    if len(values) < FEWEST_DIFFERENCES:
        return max(change, float(np.abs(values.mean())) / 2.0)
    return change
