"""Models of one series at a time, under one interface: fit once, forecast from any history.

A fitted model keeps its parameters and takes them to another, usually longer, history of the same
series; that costs next to nothing, which is what makes rolling origins affordable. Statsforecast
is imported on first use (it takes more than a second), and of its models only `ces` compiles code
while it runs (about 20 seconds in every process, unless NIXTLA_NUMBA_CACHE is set).
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
SMOOTHING = (0.05, 0.1, 0.2, 0.3)


class LocalForecast(Protocol):
    """A fitted model: the h values after a history."""

    def __call__(self, history: Array, h: int) -> Array: ...


LocalFit = Callable[[Array, int], LocalForecast]
"""Fits a model to a history with a season length."""


def seasonal_naive(history: Array, season_length: int) -> LocalForecast:
    """The value of the same period of the latest season; of the latest period where it is short."""

    def forecast(history: Array, h: int) -> Array:
        season = season_length if len(history) >= season_length else 1
        return history[len(history) - season + np.arange(h) % season]

    return forecast


def naive(history: Array, season_length: int) -> LocalForecast:
    """The latest value."""
    return seasonal_naive(history, 1)


def latest_mean(history: Array, season_length: int) -> LocalForecast:
    """The mean of the latest two seasons, and of at least six periods."""

    def forecast(history: Array, h: int) -> Array:
        return np.full(h, history[-max(6, 2 * season_length) :].mean())

    return forecast


def croston_sba(history: Array, season_length: int) -> LocalForecast:
    """Croston's size over interval with the correction of Syntetos and Boylan (2005).

    The smoothing constant is the one of the smallest squared error on the history.
    """
    alpha = min(SMOOTHING, key=lambda one: _squared_error(history, _croston_rates(history, one)))

    def forecast(history: Array, h: int) -> Array:
        return np.full(h, _croston_rates(history, alpha)[-1])

    return forecast


def tsb(history: Array, season_length: int) -> LocalForecast:
    """Chance of a demand times its size (Teunter, Syntetos and Babai 2011); it can die away."""
    choices = [(size, chance) for size in SMOOTHING for chance in SMOOTHING]
    best = min(choices, key=lambda one: _squared_error(history, _tsb_rates(history, *one)))

    def forecast(history: Array, h: int) -> Array:
        return np.full(h, _tsb_rates(history, *best)[-1])

    return forecast


def _squared_error(history: Array, rates: Array) -> float:
    return float(((history[1:] - rates[:-1]) ** 2).sum())


def _croston_rates(history: Array, alpha: float) -> Array:
    """The forecast after each period, shape (n,)."""
    demands = np.flatnonzero(history)
    rates = np.zeros(len(history))
    if len(demands) == 0:
        return rates
    size, interval, since = history[demands[0]], float(demands[0] + 1), 1
    for at in range(len(history)):
        if at > demands[0]:
            if history[at] == 0:
                since += 1
            else:
                size += alpha * (history[at] - size)
                interval += alpha * (since - interval)
                since = 1
        rates[at] = (1 - alpha / 2) * size / interval
    return rates


def _tsb_rates(history: Array, alpha: float, beta: float) -> Array:
    """The forecast after each period, shape (n,)."""
    demands = np.flatnonzero(history)
    rates = np.zeros(len(history))
    if len(demands) == 0:
        return rates
    size, chance = history[demands[0]], len(demands) / len(history)
    for at, value in enumerate(history):
        chance += beta * (float(value != 0) - chance)
        if value != 0:
            size += alpha * (value - size)
        rates[at] = chance * size
    return rates


def _statsforecast(name: str, **options: Any) -> LocalFit:
    """A model of statsforecast; `options` may name the season length as `season_length=None`."""

    def fit(history: Array, season_length: int) -> LocalForecast:
        season = season_length if len(history) >= 2 * season_length else 1
        models = import_module("statsforecast.models")
        given = {key: value for key, value in options.items() if key != "model"}
        if "model" in options:
            # Without seasons the third letter has nothing to say.
            given["model"] = options["model"] if season > 1 else options["model"][:2] + "N"
        model = getattr(models, name)(season_length=season, **given)
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            model.fit(history)

        def forecast(history: Array, h: int) -> Array:
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("ignore")
                return np.asarray(model.forward(history, h)["mean"], dtype=np.float64)

        return forecast

    return fit


def _of_logs(fit: LocalFit) -> LocalFit:
    """The model of the logarithms, for positive series; its forecasts are medians."""

    def fit_logs(history: Array, season_length: int) -> LocalForecast:
        fitted = fit(np.log(history), season_length)

        def forecast(history: Array, h: int) -> Array:
            return np.exp(fitted(np.log(history), h))

        return forecast

    return fit_logs


LOCAL_MODELS: Mapping[str, LocalFit] = {
    "seasonal_naive": seasonal_naive,
    "naive": naive,
    "latest_mean": latest_mean,
    "croston_sba": croston_sba,
    "tsb": tsb,
    "ets": _statsforecast("AutoETS", model="ZZZ"),
    "ets_log": _of_logs(_statsforecast("AutoETS", model="AZA", damped=True)),
    "theta": _statsforecast("DynamicOptimizedTheta"),
    "theta_log": _of_logs(_statsforecast("DynamicOptimizedTheta")),
    "arima": _statsforecast("AutoARIMA", approximation=True),
    "arima_log": _of_logs(_statsforecast("AutoARIMA", approximation=True)),
    "auto_arima": _statsforecast("AutoARIMA"),
    "ces": _statsforecast("AutoCES"),
}
"""Every model by name; those that end in `_log` need positive histories."""
