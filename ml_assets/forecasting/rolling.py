"""Forecasts from rolling origins: what every model would have said, and says at the end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml_assets.forecasting.global_model import GlobalModel
from ml_assets.forecasting.local_models import LOCAL_MODELS, LocalForecast
from ml_assets.forecasting.panel import OneSeries, Panel
from ml_assets.forecasting.settings import FAST_MODELS, GLOBAL, SEASONAL_NAIVE, ForecastSettings
from ml_assets.forecasting.traits import Kind, candidates, kind_of, shortest_regular

Array = NDArray[np.float64]
FURTHEST = 100.0
"""A forecast of more than this many times the largest value so far is a model gone astray."""


@dataclass(frozen=True)
class Rolled:
    """What all models say.

    Attributes:
        models: names, in the order of the arrays.
        kinds: of each series.
        origin_gaps: periods from each origin to the end, descending, shape (origins,).
        past: forecasts from the origins, shape (series, origins, models, steps); NaN where a model
            does not speak for a series, or its history was too short.
        actual: what came, shape (series, origins, steps); NaN where nothing is known.
        future: forecasts from the end of each series, shape (series, models, steps).
        failures: how often each model failed and a naive one took its place.
    """

    models: tuple[str, ...]
    kinds: tuple[Kind, ...]
    origin_gaps: NDArray[np.intp]
    past: Array
    actual: Array
    future: Array
    failures: dict[str, int]


def origin_gaps(horizon: int, windows: int, longest: int) -> NDArray[np.intp]:
    """Periods from each rolling origin to the end, the furthest first.

    They are a quarter of the horizon apart. The nearest know only the first steps' outcomes; from
    `windows` of them the whole horizon is known, if the longest series leaves at least half of
    itself, and no less than three periods, before them.
    """
    stride = max(1, horizon // 4)
    furthest = min(horizon + stride * (windows - 1), max(longest // 2, min(longest - 3, horizon)))
    return np.arange(stride, max(furthest, 0) + 1, stride, dtype=np.intp)[::-1]


def roll(panel: Panel, season_length: int, horizon: int, settings: ForecastSettings) -> Rolled:
    """Every model's forecasts from rolling origins and from the end.

    Parameters are estimated twice: at the furthest origin that a series has, and then kept for all
    later ones, so that no origin knows its future; and on everything, for the forecast to come.
    """
    longest = max(len(one.values) for one in panel.series)
    gaps = origin_gaps(horizon, settings.windows, longest)
    kinds: tuple[Kind, ...] = tuple(kind_of(one.values, season_length) for one in panel.series)
    trained = _train_global(panel, season_length, horizon, settings, gaps)
    models = settings.models or (FAST_MODELS if trained else (*FAST_MODELS, "arima"))
    offered = [candidates(kind, models) for kind in kinds]
    names = tuple(dict.fromkeys([*(name for one in offered for name in one), *_if(trained)]))
    shape = (len(panel.series), len(gaps), len(names), horizon)
    past, future = np.full(shape, np.nan), np.full((shape[0], shape[2], shape[3]), np.nan)
    failures: Counter[str] = Counter()
    for at, (one, kind, mine) in enumerate(zip(panel.series, kinds, offered, strict=True)):
        own = _own_origins(one, kind, panel.end - gaps, season_length)
        for name in mine:
            model = names.index(name)
            if len(own):
                histories = [one.until(int(period)) for period in panel.end - gaps[own]]
                past[at, own, model] = _local(name, kind, histories, season_length, horizon)[0]
            said, failed = _local(name, kind, [one.values], season_length, horizon)
            future[at, model] = said[0]
            failures[name] += failed
    if trained:
        _roll_global(trained, panel, gaps, kinds, past[:, :, -1], future[:, -1])
    actual = np.stack(
        [[one.after(int(period), horizon) for period in panel.end - gaps] for one in panel.series]
    ).reshape(shape[0], shape[1], horizon)
    return Rolled(names, kinds, gaps, past, actual, future, dict(+failures))


def _if(trained: object | None) -> tuple[str, ...]:
    return (GLOBAL,) if trained else ()


def _own_origins(
    one: OneSeries, kind: Kind, periods: NDArray[np.intp], season_length: int
) -> NDArray[np.intp]:
    """Positions of the origins that a series has history before and values after."""
    fewest = shortest_regular(season_length) if kind in {"positive", "regular"} else 3
    known = periods - one.first + 1
    return np.flatnonzero((known >= fewest) & (periods < one.last))


def _local(
    name: str, kind: Kind, histories: Sequence[Array], season_length: int, horizon: int
) -> tuple[list[Array], bool]:
    """Forecasts from each history with the parameters of the first, and whether the model failed.

    Statsforecast raises many kinds of exceptions on odd series. A series must not stop the others,
    so the simplest model speaks in its place; the fit report counts these cases.

    Models see values of about 1, because their optimisers' tolerances are absolute: the unit of a
    series must not change its forecast.
    """
    size = float(np.abs(histories[0]).mean()) or 1.0
    try:
        fitted = LOCAL_MODELS[name](histories[0] / size, season_length)
        said = [fitted(history / size, horizon) * size for history in histories]
    except Exception:
        said = []
    if said and all(_is_sound(one, past) for one, past in zip(said, histories, strict=True)):
        return said, False
    simple = "latest_mean" if kind == "intermittent" else SEASONAL_NAIVE
    plain: LocalForecast = LOCAL_MODELS[simple](histories[0], season_length)
    return [plain(history, horizon) for history in histories], True


def _is_sound(said: Array, history: Array) -> bool:
    return bool(np.isfinite(said).all() and np.abs(said).max() <= FURTHEST * np.abs(history).max())


@dataclass(frozen=True)
class _Trained:
    past: GlobalModel
    now: GlobalModel


def _train_global(
    panel: Panel,
    season_length: int,
    horizon: int,
    settings: ForecastSettings,
    gaps: NDArray[np.intp],
) -> _Trained | None:
    """The global model as of the furthest origin and as of the end; None if either can't be."""
    if not settings.use_global or len(gaps) == 0:
        return None
    given = (season_length, horizon, settings.global_settings, settings.seed)
    past = GlobalModel.train(panel.until(panel.end - int(gaps[0])).series, *given)
    now = GlobalModel.train(panel.series, *given)
    return _Trained(past, now) if past and now else None


def _roll_global(
    trained: _Trained,
    panel: Panel,
    gaps: NDArray[np.intp],
    kinds: Sequence[Kind],
    past: Array,
    future: Array,
) -> None:
    """Write the global model's forecasts into `past` and `future`, for regular series."""
    horizon = future.shape[1]
    speaks = np.array([kind in {"positive", "regular"} for kind in kinds])
    ends = sorted({one.last for one, mine in zip(panel.series, speaks, strict=True) if mine})
    for at, gap in enumerate(gaps):
        for place, said in enumerate(
            trained.past.forecast(panel.series, panel.end - int(gap), horizon)
        ):
            if said is not None and speaks[place]:
                past[place, at] = said
    for end in ends:
        for place, said in enumerate(trained.now.forecast(panel.series, end, horizon)):
            if said is not None and speaks[place] and panel.series[place].last == end:
                future[place] = said
