"""What is expected of the lead scores."""

from __future__ import annotations

from datetime import date

from expectations.g3_ml.predictions import BASE_RATE, LAYER, TRAIN, speakers
from expectations.suites import TableSuite, between, no_rows, not_after, not_null, unique


def suites(as_of: date) -> list[TableSuite]:
    """Suites of ml_lead_score for an evening."""
    return [_scores(as_of), _open_leads(as_of), _promises()]


def _scores(as_of: date) -> TableSuite:
    """The scores of the evening; those of other evenings were judged on theirs."""
    chance = "conversion_probability"
    outside = "Look at the calibration of the model."
    by_score = (
        "case when score > 70 then 'qualify' when score < 40 then 'disqualify' "
        "when score is not null then 'nurture' end"
    )
    return TableSuite(
        LAYER,
        "ml_lead_score",
        f"select * from ml.ml_lead_score where as_of_date = date '{as_of}'",
        (
            unique(("lead_id",), "Score each lead once an evening."),
            *(
                not_null(name, TRAIN)
                for name in ("lead_id", "model_version", "data_sufficiency", "horizon_days")
            ),
            *(between(name, 0, 1, outside) for name in (chance, f"{chance}_low", f"{chance}_high")),
            *(
                between(name, 0, 100, outside)
                for name in ("score", "fit_score", "engagement_score")
            ),
            not_after(f"{chance}_low", chance, outside),
            not_after(chance, f"{chance}_high", outside),
            no_rows(
                "call_agrees_with_score",
                f"select * from {{batch}} where qualification is distinct from {by_score}",
                columns=("qualification", "score"),
                says="above 70 the call is qualify, below 40 disqualify, else nurture",
                fix="Score again: the call follows from the score.",
            ),
            no_rows(
                "score_agrees_with_probability",
                "select * from {batch} where abs(score - case "
                f"when {chance} <= 0.1 then 400 * {chance} "
                f"when {chance} <= 0.35 then 40 + 120 * ({chance} - 0.1) "
                f"else 70 + 600.0 / 13 * ({chance} - 0.35) end) > 0.006",
                columns=("score", chance),
                says="a probability of 10 % scores 40, one of 35 % scores 70",
                fix="Score again: the score follows from the probability.",
            ),
            no_rows(
                "model_scores_complete",
                f"select * from {{batch}} where data_sufficiency not like '{BASE_RATE}' "
                "and (score is null or fit_score is null or engagement_score is null)",
                columns=("score", "fit_score", "engagement_score"),
                says="a model gives the score and its parts",
                fix=TRAIN,
            ),
            *speakers(),
        ),
    )


def _open_leads(as_of: date) -> TableSuite:
    scored = (
        "select lead_id from ml.ml_lead_score "
        f"where as_of_date = date '{as_of}' and lead_id is not null"
    )
    return TableSuite(
        LAYER,
        "ml_lead_score",
        "select leads.lead_id, steps.stage in ('Lead', 'MQL', 'SAL', 'Recycled') "
        "and not leads.is_deleted and not coalesce(leads.is_converted, false) as is_open "
        "from core.dim_lead as leads inner join core.fct_lifecycle_event as steps "
        "on leads.lead_id = steps.lead_id and steps.is_current "
        "where leads.is_current and not leads.is_inferred",
        (
            no_rows(
                "open_leads_scored",
                f"select * from {{batch}} where is_open and lead_id not in ({scored})",
                columns=("lead_id",),
                says="every open lead has a score",
                fix="Score again after core was built.",
            ),
            no_rows(
                "only_open_leads_scored",
                f"select * from {{batch}} where not is_open and lead_id in ({scored})",
                columns=("lead_id",),
                says="no converted, disqualified or deleted lead has a score",
                fix="Score again after core was built.",
            ),
        ),
    )


def _promises() -> TableSuite:
    """What the bands promise, as the champion was judged by it."""
    return TableSuite(
        LAYER,
        "ml_backtest",
        "select backtest.* from ml.ml_backtest as backtest "
        "inner join ml.ml_model_registry as registry using (model_version) "
        "where registry.is_champion and registry.model_name = 'lead_score' "
        "and backtest.baseline = 'promised'",
        (
            no_rows(
                "bands_keep_their_word",
                "select * from {batch} where "
                "(metric in ('high_score_close_rate', 'lead_score_r2') "
                "and value <= baseline_value) or "
                "(metric = 'low_score_close_rate' and value >= baseline_value) "
                "or (metric = 'lead_score_r2' and value is null)",
                columns=("metric", "value"),
                says="above 70 more than 30 % convert, below 40 less than 10 %, and the rates of "
                "score bins lie on a line",
                fix="Do not promote the model: the base rate, or the champion before it, speaks.",
            ),
        ),
    )
