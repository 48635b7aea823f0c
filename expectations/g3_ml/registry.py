"""What is expected of the models behind the predictions."""

from __future__ import annotations

from datetime import date

from expectations.g3_ml.predictions import LAYER
from expectations.suites import TableSuite, no_rows, not_null, unique

SUSPICIOUS_AUC = 0.95
"""A better ROC-AUC on later rows means that an outcome has leaked into the features."""

MOST_MISCALIBRATED = 0.05
"""A champion whose calibration error on later rows is greater is pointed out."""

OLDEST_CHAMPION_DAYS = 35
"""A champion that was trained longer ago is pointed out."""


def suites(as_of: date) -> list[TableSuite]:
    """Suites of ml_model_registry and ml_backtest."""
    return [_registry(as_of), _backtest()]


def _registry(as_of: date) -> TableSuite:
    return TableSuite(
        LAYER,
        "ml_model_registry",
        "select * from ml.ml_model_registry",
        (
            unique(("model_version",), "A version names one training: keep its row."),
            *(
                not_null(name, "Register the model with everything that its training depended on.")
                for name in ("model_version", "data_fingerprint", "code_version", "metrics")
            ),
            no_rows(
                "one_champion",
                "select model_name from {batch} group by model_name "
                "having count(*) filter (is_champion) > 1",
                columns=("is_champion",),
                says="a model has at most one champion",
                fix="Set the champion flags anew from the registry's decisions.",
            ),
            no_rows(
                "champion_promoted",
                "select * from {batch} where is_champion and promotion_decision <> 'promoted'",
                columns=("is_champion", "promotion_decision"),
                says="every champion was promoted",
                fix="Set the champion flags anew from the registry's decisions.",
            ),
            no_rows(
                "champion_fresh",
                "select * from {batch} where is_champion "
                f"and trained_as_of < date '{as_of}' - {OLDEST_CHAMPION_DAYS}",
                columns=("model_name", "trained_as_of"),
                says=f"champions were trained in the last {OLDEST_CHAMPION_DAYS} days",
                fix="Later versions were refused or rolled back: read promotion_reason, and mend "
                "what the model reads.",
                severity="warning",
            ),
            no_rows(
                "latest_version_promoted",
                "select * from {batch} qualify promotion_decision = 'refused' and row_number() "
                "over (partition by model_name order by trained_as_of desc, is_champion desc, "
                "model_version desc) = 1",
                columns=("model_name", "promotion_reason"),
                says="the latest version of each model passed",
                fix="No action while there is too little to learn from: the champion before it, or "
                "the fallback, speaks, and promotion_reason says why.",
                severity="info",
            ),
        ),
    )


def _backtest() -> TableSuite:
    """What champions were judged by: better than every baseline, and not too good to be true."""
    of_champions = (
        "select backtest.* from ml.ml_backtest as backtest "
        "inner join ml.ml_model_registry as registry using (model_version) "
        "where registry.is_champion"
    )
    unproved = "Do not promote the model: the base rate, or the champion before it, speaks."
    return TableSuite(
        LAYER,
        "ml_backtest",
        of_champions,
        (
            no_rows(
                "baselines_beaten",
                "select * from {batch} where metric in ('log_loss', 'brier') "
                "and coalesce(value >= baseline_value, true)",
                columns=("metric", "baseline", "value"),
                says="champions have a lower log loss and Brier score than each baseline",
                fix=unproved,
            ),
            no_rows(
                "not_too_good",
                f"select * from {{batch}} where metric = 'roc_auc' and value > {SUSPICIOUS_AUC}",
                columns=("metric", "value"),
                says=f"no champion has a ROC-AUC above {SUSPICIOUS_AUC}",
                fix="A feature knows the outcome: find it before the model is used.",
            ),
            no_rows(
                "champion_calibrated",
                f"select * from {{batch}} where metric = 'ece' and value > {MOST_MISCALIBRATED}",
                columns=("metric", "value"),
                says=f"champions have a calibration error of at most {MOST_MISCALIBRATED}",
                fix="Look at the reliability of the model in its card before acting on its "
                "probabilities.",
                severity="warning",
            ),
            no_rows(
                "champion_backtested",
                "select model_version from ml.ml_model_registry where is_champion "
                "and model_version not in (select model_version from {batch})",
                columns=("model_version",),
                says="every champion has a backtest",
                fix=unproved,
            ),
        ),
    )
