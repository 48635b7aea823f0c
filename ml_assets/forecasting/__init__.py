"""Forecasts of many series: local ensembles, a global model, intervals, reconciliation."""

from ml_assets.forecasting.backtest import BacktestResult
from ml_assets.forecasting.forecaster import Forecaster, ForecastFitReport
from ml_assets.forecasting.global_model import GlobalSettings
from ml_assets.forecasting.reconciliation import (
    Hierarchy,
    Reconciler,
    reconcile_frame,
    sample_paths,
    shrunk_covariance,
)
from ml_assets.forecasting.settings import ForecastSettings

__all__ = [
    "BacktestResult",
    "ForecastFitReport",
    "ForecastSettings",
    "Forecaster",
    "GlobalSettings",
    "Hierarchy",
    "Reconciler",
    "reconcile_frame",
    "sample_paths",
    "shrunk_covariance",
]
