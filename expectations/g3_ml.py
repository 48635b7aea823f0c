"""The third gate, between the predictions and the marts: may they be shown?"""

from __future__ import annotations

from datetime import date
from pathlib import Path

from expectations.layers import judge_layer
from expectations.report import GateReport
from expectations.runner import GateSession
from expectations.suites import TableSuite, between, no_rows, not_after, not_null, unique

GATE = "G3"
LAYER = "ml"

SUSPICIOUS_AUC = 0.95
"""A better ROC-AUC on later deals means that an outcome has leaked into the features."""

BASE_RATE = "%base rate"
"""How `data_sufficiency` ends where no model speaks."""

_TRAIN = "Look at the verdict in ml_model_registry and score again."


def judge_ml(database: Path, *, run_id: str, as_of: date) -> GateReport:
    """Judge the predictions of an evening and the models behind them.

    Args:
        database: the build database; the caller has no connection to it open.
        run_id: the run that the outcomes are recorded for.
        as_of: the evening that was predicted for.

    Raises:
        GateError: when the database is missing.
    """
    return judge_layer(GATE, LAYER, _suites, (), database=database, run_id=run_id, as_of=as_of)


def _suites(session: GateSession, as_of: date) -> list[TableSuite]:
    return [_scores(as_of), _open_deals(as_of), _registry(), _backtest()]


def _scores(as_of: date) -> TableSuite:
    """The scores of the evening; those of other evenings were judged on theirs."""
    probabilities = ("win_probability", "win_probability_low", "win_probability_high")
    outside = "Look at the calibration of the model."
    return TableSuite(
        LAYER,
        "ml_opportunity_score",
        f"select * from ml.ml_opportunity_score where as_of_date = date '{as_of}'",
        (
            unique(("opportunity_id",), "Score each deal once an evening."),
            *(not_null(name, _TRAIN) for name in ("opportunity_id", "model_version")),
            *(not_null(name, _TRAIN) for name in ("win_probability", "data_sufficiency")),
            *(between(name, 0, 1, outside) for name in probabilities),
            not_after("win_probability_low", "win_probability", outside),
            not_after("win_probability", "win_probability_high", outside),
            no_rows(
                "expected_amount_agrees",
                "select * from {batch} as scores inner join core.fct_opportunity as deals "
                "using (opportunity_id) where scores.expected_amount is distinct from "
                "cast(deals.amount * scores.win_probability as decimal(18, 2)) and "
                "coalesce(abs(scores.expected_amount - deals.amount * scores.win_probability) "
                "> 0.01, true)",
                columns=("expected_amount", "win_probability"),
                says="the expected amount is amount times probability, to the cent",
                fix="Score again with the amounts of core as they are now.",
            ),
            no_rows(
                "spoken_by_a_champion",
                "select * from {batch} where data_sufficiency not like "
                f"'{BASE_RATE}' and model_version not in "
                "(select model_version from ml.ml_model_registry where is_champion)",
                columns=("model_version", "data_sufficiency"),
                says="each score comes from a champion, or says that it is a base rate",
                fix=_TRAIN,
            ),
            no_rows(
                "spoken_by_a_model",
                f"select * from {{batch}} where data_sufficiency like '{BASE_RATE}'",
                columns=("data_sufficiency",),
                says="scores come from a model",
                fix="No action while there is too little to learn from: base rates are shown, and "
                "data_sufficiency says why.",
                severity="info",
            ),
        ),
    )


def _open_deals(as_of: date) -> TableSuite:
    scored = (
        "select opportunity_id from ml.ml_opportunity_score "
        f"where as_of_date = date '{as_of}' and opportunity_id is not null"
    )
    return TableSuite(
        LAYER,
        "ml_opportunity_score",
        "select opportunity_id, is_eligible_for_pipeline from core.fct_opportunity",
        (
            no_rows(
                "open_deals_scored",
                "select * from {batch} where is_eligible_for_pipeline "
                f"and opportunity_id not in ({scored})",
                columns=("opportunity_id",),
                says="every open deal has a score",
                fix="Score again after core was built.",
            ),
            no_rows(
                "only_open_deals_scored",
                "select * from {batch} where not is_eligible_for_pipeline "
                f"and opportunity_id in ({scored})",
                columns=("opportunity_id",),
                says="no closed or deleted deal has a score",
                fix="Score again after core was built.",
            ),
        ),
    )


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
