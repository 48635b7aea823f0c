"""What is expected of the models behind the predictions."""

from __future__ import annotations

from datetime import date

from expectations.g3_ml.common import LAYER
from expectations.suites import TableSuite, no_rows, not_null, unique

SUSPICIOUS_AUC = 0.95
"""A better ROC-AUC on later rows means that an outcome has leaked into the features."""


def suites(as_of: date) -> list[TableSuite]:
    """Suites of ml_model_registry and ml_backtest."""
    return [_registry(), _backtest()]


def _registry() -> TableSuite:
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
                "champion_backtested",
                "select model_version from ml.ml_model_registry where is_champion "
                "and model_version not in (select model_version from {batch})",
                columns=("model_version",),
                says="every champion has a backtest",
                fix=unproved,
            ),
        ),
    )
