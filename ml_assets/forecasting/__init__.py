"""Forecasts of many series: local ensembles, a global model, intervals, reconciliation."""

from ml_assets.forecasting.reconciliation import (
    Hierarchy,
    Reconciler,
    reconcile_frame,
    sample_paths,
    shrunk_covariance,
)

__all__ = [
    "Hierarchy",
    "Reconciler",
    "reconcile_frame",
    "sample_paths",
    "shrunk_covariance",
]
