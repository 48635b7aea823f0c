"""How good predictions are: discrimination, calibration, comparison with baselines, intervals."""

from ml_assets.evaluation.bootstrap import Estimate, bootstrap_all, grouped_bootstrap
from ml_assets.evaluation.forecast_metrics import (
    bias,
    interval_coverage,
    interval_width,
    mase,
    pinball_loss,
    seasonal_naive_scale,
    smape,
    wape,
)
from ml_assets.evaluation.held_out import held_out_frame, report_on
from ml_assets.evaluation.intervals import wilson_interval
from ml_assets.evaluation.metrics import (
    average_precision,
    brier_score,
    expected_calibration_error,
    log_loss,
    roc_auc,
    skill,
)
from ml_assets.evaluation.plots import Plot, calibration_plot, forecast_plot, lift_plot
from ml_assets.evaluation.report import ScoreReport, score_report
from ml_assets.evaluation.score_bands import BandPromise, BandReport, band_report
from ml_assets.evaluation.tables import lift_by_decile, reliability_table
from ml_assets.evaluation.thresholds import ThresholdReport, threshold_report

__all__ = [
    "BandPromise",
    "BandReport",
    "Estimate",
    "Plot",
    "ScoreReport",
    "ThresholdReport",
    "average_precision",
    "band_report",
    "bias",
    "bootstrap_all",
    "brier_score",
    "calibration_plot",
    "expected_calibration_error",
    "forecast_plot",
    "grouped_bootstrap",
    "held_out_frame",
    "interval_coverage",
    "interval_width",
    "lift_by_decile",
    "lift_plot",
    "log_loss",
    "mase",
    "pinball_loss",
    "reliability_table",
    "report_on",
    "roc_auc",
    "score_report",
    "seasonal_naive_scale",
    "skill",
    "smape",
    "threshold_report",
    "wape",
    "wilson_interval",
]
