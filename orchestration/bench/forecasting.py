"""Forecasts with intervals of many series, beside AutoARIMA series by series."""

from __future__ import annotations

from datetime import date
from importlib import import_module

import numpy as np
import polars as pl

from ml_assets.forecasting import Forecaster
from orchestration.bench.measuring import Bench, Case

SERIES, MONTHS, HORIZON, SEASON = 24, 120, 12, 12
LEVELS = [50, 80, 95]


def _panel(bench: Bench) -> pl.DataFrame:
    """Made-up monthly sales with a trend, a season and noise; the same in every run."""
    rng = np.random.default_rng(bench.settings.demo_seed)
    at = np.arange(MONTHS)
    season = np.exp(0.2 * rng.normal(size=(SERIES, SEASON)))[:, at % SEASON]
    level = np.exp(np.cumsum(0.01 + 0.02 * rng.normal(size=(SERIES, MONTHS)), axis=1))
    months = pl.date_range(date(2015, 1, 1), date(2024, 12, 1), "1mo", eager=True)
    return pl.DataFrame(
        {
            "unique_id": np.repeat(np.arange(SERIES), MONTHS),
            "ds": pl.concat([months] * SERIES),
            "y": (100.0 * level * season * np.exp(0.05 * rng.normal(size=level.shape))).ravel(),
        }
    )


def _forecaster(panel: pl.DataFrame) -> int:
    forecaster = Forecaster("1mo", horizon=HORIZON)
    forecaster.fit(panel)
    return forecaster.predict(HORIZON, LEVELS).height


def _auto_arima(panel: pl.DataFrame) -> int:
    models = import_module("statsforecast.models")
    rows = 0
    for series in panel.partition_by("unique_id"):
        model = models.AutoARIMA(season_length=SEASON)
        said = model.forecast(y=series["y"].to_numpy(), h=HORIZON, level=LEVELS)
        rows += len(said["mean"])
    return rows


CASES = (
    Case(
        "monthly",
        f"a year ahead of {SERIES} series of {MONTHS} months, with intervals",
        _panel,
        _forecaster,
        "AutoARIMA for each series",
        _auto_arima,
        rounds=1,
    ),
)
