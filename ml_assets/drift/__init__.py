"""Drift: whether the rows that a model scores are still like those that it learnt from, and whether
its predictions come true as often as they say."""

from ml_assets.drift.calibration import calibration_by_month
from ml_assets.drift.report import DRIFT_SCHEMA, drift_report, stabilities
from ml_assets.drift.scored import read_scored, store_scored
from ml_assets.drift.stability import Stability, population_stability

__all__ = [
    "DRIFT_SCHEMA",
    "Stability",
    "calibration_by_month",
    "drift_report",
    "population_stability",
    "read_scored",
    "stabilities",
    "store_scored",
]
