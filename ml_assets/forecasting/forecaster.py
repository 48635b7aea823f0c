"""Forecasts of any number of series, with intervals, from one frame in long format."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ml_assets.evaluation import seasonal_naive_scale
from ml_assets.forecasting.backtest import RIVALS, BacktestResult, backtest
from ml_assets.forecasting.conformal import Spread, empirical_bounds, spread_of_errors
from ml_assets.forecasting.global_model import GlobalSettings
from ml_assets.forecasting.panel import Panel
from ml_assets.forecasting.periods import default_season_length
from ml_assets.forecasting.rolling import Rolled, roll
from ml_assets.forecasting.settings import ForecastSettings
from ml_assets.forecasting.traits import traits_of, volatility_of
from ml_assets.forecasting.weights import choose_weights, combine

Array = NDArray[np.float64]
SERIES_FILE = "series.parquet"
STEPS_FILE = "steps.parquet"
REPORT_FILE = "report.parquet"
FORECASTER_FILE = "forecaster.json"
LEVELS = (50, 80, 95)
SMALLEST_SHARE = 1e-3


@dataclass(frozen=True)
class ForecastFitReport:
    """How a forecaster was fitted.

    Attributes:
        series: one row per series: unique_id, kind, observations, filled_count, last_ds and one
            column `weight_<model>` per model (null where the series does not have it).
        season_length: periods in a season.
        horizon: steps that were fitted.
        origins: rolling origins from which models were weighted and intervals measured.
        sharpness: exponent of the inverse errors in the weights; 0 weighs models alike.
        failures: models that failed on a series, and how often; a naive one took their place.
    """

    series: pl.DataFrame
    season_length: int
    horizon: int
    origins: int
    sharpness: float
    failures: dict[str, int]


@dataclass(frozen=True)
class _Fitted:
    """What predictions are made from.

    Attributes:
        mean, sizes: point and usual absolute error, shape (series, steps); errors of series that
            `is_log` marks are those of logarithms.
        scores: of those series, and of the others.
    """

    panel: Panel
    mean: Array
    sizes: Array
    is_log: NDArray[np.bool_]
    log_spread: Spread
    raw_spread: Spread
    report: ForecastFitReport

    @property
    def intermittent(self) -> list[int]:
        """Positions of the series whose intervals come from their own recent values."""
        kinds = self.report.series["kind"].to_list()
        return [at for at, kind in enumerate(kinds) if kind == "intermittent"]


class Forecaster:
    """Forecasts each series by the combination of models that did best on its own past.

    Args:
        freq: of the periods: 1d, 1w, 1mo, 1q, 1y, a multiple, or pandas' name (`MS`).
        season_length: periods in a season; None takes the usual one of the frequency (12 months).
        horizon: furthest step to fit for; None takes one season, but at least six periods.
            Predicting further fits once more.
        settings: parameters.
    """

    def __init__(
        self,
        freq: str,
        season_length: int | None = None,
        *,
        horizon: int | None = None,
        settings: ForecastSettings | None = None,
    ) -> None:
        usual = default_season_length(freq)
        self.freq = freq
        self.season_length = usual if season_length is None else season_length
        self.horizon = max(6, self.season_length) if horizon is None else horizon
        self.settings = settings or ForecastSettings()
        if self.season_length < 1 or self.horizon < 1:
            raise ValueError("season_length and horizon are counted in periods, from 1 on.")
        self._fitted: _Fitted | None = None

    def fit(self, frame: pl.DataFrame) -> ForecastFitReport:
        """Learn from a frame in long format; the order of its rows does not matter.

        Args:
            frame: columns unique_id, ds (Date, Datetime, or whole numbers with the frequency 1i)
                and y. Missing periods and null y are filled and reported.

        Raises:
            ValueError: the frame can't be read as series (see `Panel.of`).
        """
        panel = Panel.of(frame, self.freq, self.season_length, self.settings.fill)
        self._fitted = self._fit(panel, self.horizon)
        return self._fitted.report

    @property
    def report(self) -> ForecastFitReport:
        """How the forecaster was fitted."""
        return self._require_fitted().report

    def predict(self, h: int, levels: Sequence[float] = LEVELS) -> pl.DataFrame:
        """Forecast the h periods after the end of each series.

        Args:
            h: periods.
            levels: of the intervals in percent, between 0 and 100.

        Returns:
            unique_id, ds, mean, then `lo-<level>` and `hi-<level>` by level, by series and period.
            An interval holds the outcome in about that share of cases; wider levels contain
            narrower ones, and nothing is below 0 where the history never was. Bounds of
            intermittent series are quantiles of their recent values, so often exactly 0.
        """
        if h < 1 or any(not 0 < level < 100 for level in levels):
            raise ValueError("h is at least 1, and levels are percentages between 0 and 100.")
        fitted = self._require_fitted()
        if h > fitted.report.horizon:
            fitted = self._fitted = self._fit(fitted.panel, h)
        mean, sizes = fitted.mean[:, :h], fitted.sizes[:, :h]
        columns = {"mean": mean}
        for level in sorted(levels):
            reach_log = fitted.log_spread.reach(level)
            reach_raw = fitted.raw_spread.reach(level)
            factor = np.exp(np.minimum(reach_log * sizes, 50.0))
            is_log = fitted.is_log[:, None]
            low = np.where(is_log, mean / factor, mean - reach_raw * sizes)
            high = np.where(is_log, mean * factor, mean + reach_raw * sizes)
            for at in fitted.intermittent:
                bounds = empirical_bounds(fitted.panel.series[at].values, level, self.season_length)
                low[at] = np.minimum(mean[at], bounds[0])
                high[at] = np.maximum(mean[at], bounds[1])
            columns[f"lo-{level:g}"] = self._bounded(fitted.panel, low)
            columns[f"hi-{level:g}"] = self._bounded(fitted.panel, high)
        return fitted.panel.frame({name: list(values) for name, values in columns.items()})

    def backtest(
        self,
        frame: pl.DataFrame,
        h: int,
        windows: int = 1,
        *,
        levels: Sequence[float] = LEVELS,
        rivals: Sequence[str] = RIVALS,
    ) -> BacktestResult:
        """What this forecaster, fitted anew before each window, and its rivals would have said.

        Args:
            frame: as for `fit`; the fitted state is neither used nor changed.
            h: periods in each window.
            windows: consecutive windows that end with the latest period.
            levels: of the intervals in percent.
            rivals: of `seasonal_naive`, `auto_ets`, `auto_arima` (seconds for each series),
                `auto_arima_quick` (its likelihoods approximated while it searches) and `scum`,
                the median of ETS, CES, ARIMA and dynamic theta (which compiles for 20 seconds).
        """
        panel = Panel.of(frame, self.freq, self.season_length, self.settings.fill)
        fresh = Forecaster(self.freq, self.season_length, horizon=h, settings=self.settings)

        def ours(before: Panel) -> pl.DataFrame:
            fresh._fitted = fresh._fit(before, h)
            return fresh.predict(h, levels)

        return backtest(panel, ours, self.season_length, h, windows, levels, rivals)

    def save(self, folder: Path) -> None:
        """Write the forecaster into an existing folder, as JSON and Parquet."""
        fitted = self._require_fitted()
        steps = np.arange(1, fitted.report.horizon + 1)
        count = len(fitted.panel.series)
        panel = fitted.panel
        series = panel.history()
        series.write_parquet(folder / SERIES_FILE)
        pl.DataFrame(
            {
                "series": np.repeat(np.arange(count), len(steps)),
                "step": np.tile(steps, count),
                "mean": fitted.mean.ravel(),
                "size": fitted.sizes.ravel(),
            }
        ).write_parquet(folder / STEPS_FILE)
        fitted.report.series.write_parquet(folder / REPORT_FILE)
        content = {
            "freq": self.freq,
            "season_length": self.season_length,
            "horizon": self.horizon,
            "settings": asdict(self.settings),
            "fitted_horizon": fitted.report.horizon,
            "origins": fitted.report.origins,
            "sharpness": fitted.report.sharpness,
            "failures": fitted.report.failures,
            "is_log": fitted.is_log.tolist(),
            "scores": {
                name: {"quantiles": spread.scores.tolist(), "count": spread.score_count}
                for name, spread in (("log", fitted.log_spread), ("raw", fitted.raw_spread))
            },
        }
        text = json.dumps(content, sort_keys=True)
        (folder / FORECASTER_FILE).write_text(text, encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read a forecaster that `save` wrote.

        Raises:
            FileNotFoundError: the folder holds no forecaster.
        """
        for name in (FORECASTER_FILE, SERIES_FILE, STEPS_FILE, REPORT_FILE):
            if not (folder / name).is_file():
                raise FileNotFoundError(
                    f"No {name} in {folder}: the forecaster was moved or never finished. "
                    "Fit it again."
                )
        content = json.loads((folder / FORECASTER_FILE).read_text(encoding="utf-8"))
        forecaster = cls(
            content["freq"],
            content["season_length"],
            horizon=content["horizon"],
            settings=_settings(content["settings"]),
        )
        history = pl.read_parquet(folder / SERIES_FILE)
        panel = Panel.of(
            history, forecaster.freq, forecaster.season_length, forecaster.settings.fill
        )
        shape = (len(panel.series), int(content["fitted_horizon"]))
        steps = pl.read_parquet(folder / STEPS_FILE).sort("series", "step")
        sizes = steps["size"].to_numpy().reshape(shape)
        forecaster._fitted = _Fitted(
            panel,
            mean=steps["mean"].to_numpy().reshape(shape),
            sizes=sizes,
            is_log=np.array(content["is_log"], dtype=np.bool_),
            log_spread=_spread(sizes, content["scores"]["log"]),
            raw_spread=_spread(sizes, content["scores"]["raw"]),
            report=ForecastFitReport(
                series=pl.read_parquet(folder / REPORT_FILE),
                season_length=forecaster.season_length,
                horizon=shape[1],
                origins=content["origins"],
                sharpness=content["sharpness"],
                failures=content["failures"],
            ),
        )
        return forecaster

    def _fit(self, panel: Panel, horizon: int) -> _Fitted:
        season = self.season_length
        values = [one.values for one in panel.series]
        rolled = roll(panel, season, horizon, self.settings)
        scale = np.array([_scale(one, season) for one in values])
        has = np.isfinite(rolled.future.sum(axis=2)).astype(np.bool_)
        weights = choose_weights(
            rolled.past,
            rolled.actual,
            rolled.origin_gaps,
            has,
            scale,
            np.stack([traits_of(one, season) for one in values]),
            self.settings.sharpness,
        )
        said = combine(rolled.past, weights.values)
        mean = combine(rolled.future[:, None], weights.values)[:, 0]
        is_log = np.array([kind == "positive" for kind in rolled.kinds], dtype=np.bool_)
        floor = np.array([SMALLEST_SHARE * np.abs(one[-season:]).mean() for one in values])
        mean = np.where(is_log[:, None], np.maximum(mean, floor[:, None]), mean)
        log_spread, raw_spread = _spreads(said, rolled, values, is_log, floor, season)
        return _Fitted(
            panel,
            mean=self._bounded(panel, mean),
            sizes=np.where(is_log[:, None], log_spread.sizes, raw_spread.sizes),
            is_log=is_log,
            log_spread=log_spread,
            raw_spread=raw_spread,
            report=ForecastFitReport(
                series=_series_report(panel, rolled, has, weights.values),
                season_length=season,
                horizon=horizon,
                origins=len(rolled.origin_gaps),
                sharpness=weights.sharpness,
                failures=rolled.failures,
            ),
        )

    @staticmethod
    def _bounded(panel: Panel, values: Array) -> Array:
        """Values, none below 0 for a series that never was."""
        never_negative = np.array([one.values.min() >= 0 for one in panel.series])
        return np.where(never_negative[:, None], np.maximum(values, 0.0), values)

    def _require_fitted(self) -> _Fitted:
        if self._fitted is None:
            raise ValueError("This forecaster has not been fitted. Call fit or load first.")
        return self._fitted


def _scale(values: Array, season_length: int) -> float:
    """The denominator of MASE, or the next best thing where there is none."""
    for scale in (seasonal_naive_scale(values, season_length), seasonal_naive_scale(values)):
        if scale > 0:
            return scale
    return 1.0


def _spreads(
    said: Array,
    rolled: Rolled,
    values: Sequence[Array],
    is_log: NDArray[np.bool_],
    floor: Array,
    season_length: int,
) -> tuple[Spread, Spread]:
    """How wide intervals are, of series whose errors are those of logarithms and of the others."""
    is_other = is_log | np.array([kind == "intermittent" for kind in rolled.kinds])
    raw_errors = np.where(is_other[:, None, None], np.nan, rolled.actual - said)
    low = np.maximum(floor, np.finfo(np.float64).tiny)[:, None, None]
    with np.errstate(invalid="ignore", divide="ignore"):
        logs = np.log(rolled.actual) - np.log(np.maximum(said, low))
    log_errors = np.where(is_log[:, None, None], logs, np.nan)
    log_volatility, raw_volatility = np.zeros(len(values)), np.zeros(len(values))
    for at, one in enumerate(values):
        if is_log[at]:
            log_volatility[at] = volatility_of(np.log(one), season_length)
        else:
            raw_volatility[at] = volatility_of(one, season_length)
    gaps = rolled.origin_gaps
    return (
        spread_of_errors(log_errors, gaps, log_volatility),
        spread_of_errors(raw_errors, gaps, raw_volatility),
    )


def _series_report(
    panel: Panel, rolled: Rolled, has: NDArray[np.bool_], weights: Array
) -> pl.DataFrame:
    series = panel.series
    return pl.DataFrame(
        {
            "unique_id": pl.Series([one.name for one in series], dtype=panel.id_dtype),
            "kind": rolled.kinds,
            "observations": [len(one.values) - one.filled_count for one in series],
            "filled_count": [one.filled_count for one in series],
            "last_ds": panel.grid.date(pl.Series([one.last for one in series])),
            **{
                f"weight_{name}": pl.Series(
                    [float(w) if h else None for w, h in zip(column, there, strict=True)],
                    dtype=pl.Float64,
                )
                for name, column, there in zip(rolled.models, weights.T, has.T, strict=True)
            },
        }
    )


def _spread(sizes: Array, saved: dict[str, Any]) -> Spread:
    return Spread(sizes, np.array(saved["quantiles"], dtype=np.float64), int(saved["count"]))


def _settings(saved: dict[str, Any]) -> ForecastSettings:
    given: dict[str, Any] = saved | {
        "models": None if saved["models"] is None else tuple(saved["models"]),
        "sharpness": tuple(saved["sharpness"]),
        "global_settings": GlobalSettings(**saved["global_settings"]),
    }
    return ForecastSettings(**given)
