"""Forecasts of the past, judged beside those of well-known models."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ml_assets.evaluation import (
    bias,
    interval_coverage,
    interval_width,
    pinball_loss,
    seasonal_naive_scale,
    smape,
    wape,
)
from ml_assets.forecasting.panel import Panel

Array = NDArray[np.float64]
RIVALS = ("seasonal_naive", "auto_ets", "auto_arima")
OURS = "forecaster"
_MODELS: Mapping[str, tuple[tuple[str, Mapping[str, Any]], ...]] = {
    "seasonal_naive": (("SeasonalNaive", {}),),
    "auto_ets": (("AutoETS", {}),),
    "auto_arima": (("AutoARIMA", {}),),
    "auto_arima_quick": (("AutoARIMA", {"approximation": True}),),
    "scum": (
        ("AutoETS", {}),
        ("AutoCES", {}),
        ("AutoARIMA", {}),
        ("DynamicOptimizedTheta", {}),
    ),
}


@dataclass(frozen=True)
class BacktestResult:
    """Forecasts of windows whose outcome is known.

    Attributes:
        predictions: one row per model, cutoff (the latest period known), series and period: model,
            cutoff, unique_id, ds, y, mean and the bounds.
        report: one row per model: series (pairs of series and window), mase, wape, smape, bias,
            pinball, and coverage and width of each level. MASE is the mean over series; pinball
            (the mean over the intervals' bounds) and width are scaled like MASE before they are
            averaged; series that a scale can't be found for don't count in these three.
    """

    predictions: pl.DataFrame
    report: pl.DataFrame


def backtest(
    panel: Panel,
    ours: Callable[[Panel], pl.DataFrame],
    season_length: int,
    h: int,
    windows: int,
    levels: Sequence[float],
    rivals: Sequence[str],
) -> BacktestResult:
    """Forecast consecutive windows that end with the latest period, and judge all models alike.

    Args:
        panel: all that is known.
        ours: forecasts h periods after each series of a panel, with the bounds of `levels`.
        season_length: periods in a season.
        h: periods in a window.
        windows: number of windows.
        levels: of the intervals in percent.
        rivals: see `Forecaster.backtest`.

    Raises:
        ValueError: no series reaches from before the first window into it, or a rival is unknown.
    """
    if unknown := sorted(set(rivals) - set(_MODELS)):
        raise ValueError(f"Unknown rivals {unknown}; there are {', '.join(_MODELS)}.")
    parts: list[pl.DataFrame] = []
    scales: list[pl.DataFrame] = []
    for window in range(windows, 0, -1):
        cutoff = panel.end - window * h
        before = panel.until(cutoff)
        judged = [one for one in before.series if one.last == cutoff]
        if not judged:
            raise ValueError(
                f"No series has values before and after the cutoff {windows - window + 1} of "
                f"{windows}. Take fewer windows or a shorter h."
            )
        names = pl.Series("unique_id", [one.name for one in judged], dtype=panel.id_dtype)
        cutoff_date = panel.grid.date(pl.Series([cutoff]))[0]
        scales.append(
            pl.DataFrame(
                {
                    "unique_id": names,
                    "cutoff": cutoff_date,
                    "scale": [seasonal_naive_scale(one.values, season_length) for one in judged],
                }
            )
        )
        said = {OURS: ours(before)} | {
            rival: _rival(rival, before, season_length, h, levels) for rival in rivals
        }
        known = panel.history().filter(pl.col("unique_id").is_in(names.implode()))
        for model, forecast in said.items():
            judged_rows = forecast.join(known, on=["unique_id", "ds"], how="inner").select(
                pl.lit(model).alias("model"),
                pl.lit(cutoff_date).alias("cutoff"),
                "unique_id",
                "ds",
                "y",
                pl.exclude("unique_id", "ds", "y"),
            )
            parts.append(judged_rows)
    predictions = pl.concat(parts).sort("model", "cutoff", "unique_id", "ds")
    return BacktestResult(predictions, _report(predictions, pl.concat(scales), levels))


def _rival(
    name: str, panel: Panel, season_length: int, h: int, levels: Sequence[float]
) -> pl.DataFrame:
    """Forecasts of one rival; where it fails, those of the plain naive forecast."""
    bounds = [f"{side}-{level:g}" for level in sorted(levels) for side in ("lo", "hi")]
    columns: dict[str, list[Array]] = {key: [] for key in ("mean", *bounds)}
    for one in panel.series:
        said = [
            _say(single, options, one.values, season_length, h, bounds)
            for single, options in _MODELS[name]
        ]
        for key, values in columns.items():
            values.append(np.median([single[key] for single in said], axis=0))
    return panel.frame(columns)


def _say(
    name: str,
    options: Mapping[str, Any],
    values: Array,
    season_length: int,
    h: int,
    bounds: Sequence[str],
) -> Mapping[str, Array]:
    """One model's forecast of one series. A model that can't cope gives way to the naive one."""
    season = season_length if len(values) >= 2 * season_length else 1
    levels = sorted({float(bound.split("-", 1)[1]) for bound in bounds})
    asked: list[Any] = [int(level) if level.is_integer() else level for level in levels]
    models = import_module("statsforecast.models")
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            model = getattr(models, name)(season_length=season, **options)
            said = model.forecast(y=values, h=h, level=asked or None)
            found = {key: np.asarray(said[key], dtype=np.float64) for key in ("mean", *bounds)}
            if all(np.isfinite(one).all() for one in found.values()):
                return found
        except Exception:
            # Whatever a rival stumbles over, it must not stop the comparison of all series.
            found = {}
    last = np.full(h, values[-1])
    return dict.fromkeys(("mean", *bounds), last)


def _report(
    predictions: pl.DataFrame, scales: pl.DataFrame, levels: Sequence[float]
) -> pl.DataFrame:
    rows: list[dict[str, Any]] = []
    scaled = predictions.join(scales, on=["unique_id", "cutoff"], how="left")
    order = sorted(predictions["model"].unique().to_list(), key=lambda name: (name != OURS, name))
    for model in order:
        mine = scaled.filter(pl.col("model") == model)
        actual, mean = mine["y"].to_numpy(), mine["mean"].to_numpy()
        parts = mine.partition_by("cutoff", "unique_id", maintain_order=True)
        row: dict[str, Any] = {
            "model": model,
            "series": len(parts),
            "mase": _mean([_scaled_error(part) for part in parts]),
            "wape": wape(actual, mean),
            "smape": smape(actual, mean),
            "bias": bias(actual, mean),
            "pinball": _mean([_scaled_pinball(part, levels) for part in parts]),
        }
        for level in sorted(levels):
            low, high = mine[f"lo-{level:g}"].to_numpy(), mine[f"hi-{level:g}"].to_numpy()
            row[f"coverage_{level:g}"] = interval_coverage(actual, low, high)
            row[f"width_{level:g}"] = _mean([_scaled_width(part, level) for part in parts])
        rows.append(row)
    return pl.DataFrame(rows)


def _mean(values: Sequence[float]) -> float:
    """The mean of what is defined; NaN if nothing is."""
    defined = [value for value in values if np.isfinite(value)]
    return float(np.mean(defined)) if defined else float("nan")


def _by_scale(value: float, part: pl.DataFrame) -> float:
    scale = part["scale"][0]
    return value / scale if scale > 0 else float("nan")


def _scaled_error(part: pl.DataFrame) -> float:
    return _by_scale(float(np.abs(part["mean"].to_numpy() - part["y"].to_numpy()).mean()), part)


def _scaled_pinball(part: pl.DataFrame, levels: Sequence[float]) -> float:
    actual = part["y"].to_numpy()
    losses = [
        pinball_loss(actual, part[f"{side}-{level:g}"].to_numpy(), 0.5 + sign * level / 200.0)
        for level in levels
        for side, sign in (("lo", -1.0), ("hi", 1.0))
    ]
    return _by_scale(_mean(losses), part)


def _scaled_width(part: pl.DataFrame, level: float) -> float:
    low, high = part[f"lo-{level:g}"].to_numpy(), part[f"hi-{level:g}"].to_numpy()
    return _by_scale(interval_width(low, high), part)
