"""One gradient-boosted model over all series, which learns what short histories can't show alone.

It predicts, directly for each step ahead, how far a value will be from that of the same period of
the latest season, in units of the series' own usual seasonal difference; so series of all sizes
and currencies teach each other. Positive series are taken in logarithms.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray

from ml_assets.forecasting.panel import OneSeries

Array = NDArray[np.float64]
_train = cast("Callable[..., lgb.Booster]", lgb.train)
WINDOWS = (1, 3, 6, 12, 24)
"""Lengths of the windows whose mean seasonal difference is a feature, in twelfths of a season for
long seasons (52 weeks, 365 days), in periods for others."""
LONG_SEASON = 24
SMALLEST_SCALE = 1e-9


@dataclass(frozen=True)
class GlobalSettings:
    """Parameters of the global model.

    Attributes:
        min_series: fewer series with enough history have no global model.
        max_rows: most training rows; more origins and steps are thinned evenly.
        rounds, learning_rate, leaves, min_rows_per_leaf, feature_share, row_share, l2: as in
            LightGBM.
    """

    min_series: int = 20
    max_rows: int = 120_000
    rounds: int = 150
    learning_rate: float = 0.05
    leaves: int = 15
    min_rows_per_leaf: int = 200
    feature_share: float = 0.6
    row_share: float = 0.7
    l2: float = 10.0


@dataclass(frozen=True)
class _Scaled:
    """A series in the model's terms; all arrays have its length.

    Attributes:
        first: number of its first period.
        level: its values, or their logarithms.
        change: seasonal difference of `level`; NaN in the first season.
        scale: root of the mean squared `change` so far.
        is_log: whether `level` is a logarithm.
    """

    first: int
    level: Array
    change: Array
    scale: Array
    is_log: bool


def _scaled(one: OneSeries, season: int) -> _Scaled:
    is_log = bool(one.values.min() > 0)
    level = np.log(one.values) if is_log else one.values
    change = np.full(len(level), np.nan)
    change[season:] = level[season:] - level[:-season]
    squares = np.cumsum(np.nan_to_num(change) ** 2)
    scale = np.sqrt(squares / np.maximum(1, np.arange(len(level)) - season + 1))
    return _Scaled(one.first, level, change, np.maximum(scale, SMALLEST_SCALE), is_log)


@dataclass(frozen=True)
class _Market:
    """The mean scaled seasonal change over all series, by period."""

    first: int
    mean: Array

    @classmethod
    def of(cls, series: Sequence[_Scaled]) -> _Market:
        first = min(one.first for one in series)
        length = max(one.first + len(one.level) for one in series) - first
        total, count = np.zeros(length), np.zeros(length)
        for one in series:
            at = np.flatnonzero(~np.isnan(one.change))
            total[at + one.first - first] += one.change[at] / one.scale[at]
            count[at + one.first - first] += 1
        return cls(first, np.divide(total, count, out=np.full(length, np.nan), where=count > 0))

    def recent(self, period: NDArray[np.intp], length: int) -> Array:
        """Mean over the `length` periods up to each period, shape of `period`."""
        at = period[:, None] - self.first - np.arange(length)
        there = (at >= 0) & (at < len(self.mean))
        values = np.where(there, self.mean[np.clip(at, 0, len(self.mean) - 1)], 0.0)
        return np.nan_to_num(values).mean(axis=1)


def _rows(
    one: _Scaled,
    market: _Market,
    origins: NDArray[np.intp],
    steps: NDArray[np.intp],
    season: int,
) -> Array:
    """Features of pairs of origin (a position) and step, both of shape (n,); shape (n, k)."""
    unit = max(1, season // 12) if season >= LONG_SEASON else 1
    year = unit * 12
    scale = one.scale[origins]
    changes = np.concatenate([[0.0], np.cumsum(np.nan_to_num(one.change))])
    levels = np.concatenate([[0.0], np.cumsum(one.level)])

    def mean_change(length: int, back: int = 0) -> Array:
        end = np.maximum(origins + 1 - back, season)
        start = np.maximum(end - length, season)
        return (changes[end] - changes[start]) / np.maximum(1, end - start) / scale

    known = [mean_change(unit * length) for length in WINDOWS]
    base = _base_positions(origins, steps, season)
    mean_level = (levels[origins + 1] - levels[origins + 1 - season]) / season
    periods = origins + one.first
    return np.stack(
        [
            *known,
            mean_change(year, back=year),
            known[1] - known[3],
            np.log(scale),
            np.log(origins + 1.0),
            market.recent(periods, unit * 3),
            market.recent(periods, year),
            np.full(len(origins), float(one.is_log)),
            steps.astype(np.float64),
            ((steps - 1) // season).astype(np.float64),
            ((periods + steps) % season).astype(np.float64),
            (one.level[base] - mean_level) / scale,
            np.nan_to_num(one.change[base]) / scale,
            np.nan_to_num(one.change[np.maximum(base - season, 0)]) / scale,
        ],
        axis=1,
    )


def _base_positions(
    origins: NDArray[np.intp], steps: NDArray[np.intp], season: int
) -> NDArray[np.intp]:
    """Where the latest known season has the period that lies `steps` after `origins`."""
    return origins - season + 1 + (steps - 1) % season


@dataclass(frozen=True)
class GlobalModel:
    """A trained booster and the season it was trained for."""

    booster: lgb.Booster
    season_length: int

    @classmethod
    def train(
        cls,
        series: Sequence[OneSeries],
        season_length: int,
        horizon: int,
        settings: GlobalSettings,
        seed: int,
    ) -> GlobalModel | None:
        """Train on every origin from which something later is known, or None for too few series.

        Args:
            series: with all that is known on the day of training.
            season_length: periods in a season.
            horizon: the furthest step.
            settings: parameters.
            seed: of every random choice.
        """
        season = season_length
        usable = [one for one in series if len(one.values) >= 3 * season + 2]
        if len(usable) < settings.min_series:
            return None
        scaled = [_scaled(one, season) for one in usable]
        market = _Market.of(scaled)
        per_series = settings.max_rows / len(scaled)
        steps_each = max(1, min(horizon, 8))
        rng = np.random.default_rng(seed)
        features: list[Array] = []
        targets: list[Array] = []
        for one in scaled:
            possible = np.arange(2 * season, len(one.level) - 1)
            thinned = max(1, int(np.ceil(len(possible) * steps_each / per_series)))
            # Each pass takes its own origins and one step for each, drawn anew.
            origins = np.concatenate(
                [possible[offset % thinned :: thinned] for offset in range(steps_each)]
            )
            reach = np.minimum(horizon, len(one.level) - 1 - origins)
            steps = 1 + (rng.random(len(origins)) * reach).astype(np.intp)
            base = one.level[_base_positions(origins, steps, season)]
            features.append(_rows(one, market, origins, steps, season))
            targets.append((one.level[origins + steps] - base) / one.scale[origins])
        data = lgb.Dataset(np.concatenate(features), label=np.concatenate(targets))
        return cls(_train(_parameters(settings, seed), data, settings.rounds), season)

    def forecast(self, series: Sequence[OneSeries], origin: int, h: int) -> list[Array | None]:
        """The h values after a period; None for series that end earlier or are too short.

        Args:
            series: of which nothing after `origin` is read.
            origin: number of the latest known period.
            h: steps.
        """
        season = self.season_length
        there = [
            at
            for at, one in enumerate(series)
            if one.last >= origin and origin - one.first + 1 >= 2 * season + 1
        ]
        results: list[Array | None] = [None] * len(series)
        if not there:
            return results
        known = [
            OneSeries(one.name, one.first, one.until(origin), 0)
            for one in (series[at] for at in there)
        ]
        scaled = [_scaled(one, season) for one in known]
        market = _Market.of(scaled)
        steps = np.arange(1, h + 1)
        rows = [_rows(one, market, np.full(h, len(one.level) - 1), steps, season) for one in scaled]
        raw = np.asarray(self.booster.predict(np.concatenate(rows), num_threads=1))
        for at, one, moved in zip(there, scaled, raw.reshape(len(scaled), h), strict=True):
            base = one.level[_base_positions(np.full(h, len(one.level) - 1), steps, season)]
            level = base + moved * one.scale[-1]
            results[at] = np.exp(level) if one.is_log else level
        return results


def _parameters(settings: GlobalSettings, seed: int) -> dict[str, Any]:
    return {
        "objective": "regression_l1",
        "learning_rate": settings.learning_rate,
        "num_leaves": settings.leaves,
        "min_data_in_leaf": settings.min_rows_per_leaf,
        "feature_fraction": settings.feature_share,
        "bagging_fraction": settings.row_share,
        "bagging_freq": 1,
        "lambda_l2": settings.l2,
        "seed": seed,
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": 1,
        "verbosity": -1,
    }
