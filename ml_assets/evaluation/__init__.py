"""How good predictions are: discrimination, calibration, comparison with baselines, intervals."""

from ml_assets.evaluation.bootstrap import Estimate, grouped_bootstrap
from ml_assets.evaluation.intervals import wilson_interval
from ml_assets.evaluation.metrics import (
    average_precision,
    brier_score,
    expected_calibration_error,
    log_loss,
    roc_auc,
    skill,
)
from ml_assets.evaluation.report import ScoreReport, score_report
from ml_assets.evaluation.tables import lift_by_decile, reliability_table

__all__ = [
    "Estimate",
    "ScoreReport",
    "average_precision",
    "brier_score",
    "expected_calibration_error",
    "grouped_bootstrap",
    "lift_by_decile",
    "log_loss",
    "reliability_table",
    "roc_auc",
    "score_report",
    "skill",
    "wilson_interval",
]
