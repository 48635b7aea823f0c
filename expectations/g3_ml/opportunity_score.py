"""What is expected of the opportunity scores."""

from __future__ import annotations

from datetime import date
from itertools import pairwise

from expectations.g3_ml.predictions import BASE_RATE, LAYER, TRAIN, speakers
from expectations.suites import TableSuite, between, no_rows, not_after, not_null, unique


def suites(as_of: date) -> list[TableSuite]:
    """Suites of ml_opportunity_score for an evening."""
    return [_scores(as_of), _open_deals(as_of)]


def _scores(as_of: date) -> TableSuite:
    """The scores of the evening; those of other evenings were judged on theirs."""
    horizons = ("won_within_30d", "won_within_60d", "won_within_90d")
    probabilities = ("win_probability", "win_probability_low", "win_probability_high", *horizons)
    outside = "Look at the calibration of the model."
    return TableSuite(
        LAYER,
        "ml_opportunity_score",
        f"select * from ml.ml_opportunity_score where as_of_date = date '{as_of}'",
        (
            unique(("opportunity_id",), "Score each deal once an evening."),
            *(not_null(name, TRAIN) for name in ("opportunity_id", "model_version")),
            *(not_null(name, TRAIN) for name in ("win_probability", "data_sufficiency")),
            *(between(name, 0, 1, outside) for name in probabilities),
            not_after("win_probability_low", "win_probability", outside),
            not_after("win_probability", "win_probability_high", outside),
            *(
                not_after(
                    sooner, later, "A longer horizon can't have a smaller chance: score again."
                )
                for sooner, later in pairwise((*horizons, "win_probability"))
            ),
            no_rows(
                "horizons_from_a_model",
                f"select * from {{batch}} where (data_sufficiency like '{BASE_RATE}') = "
                "(won_within_30d is not null and won_within_60d is not null "
                "and won_within_90d is not null)",
                columns=(*horizons, "data_sufficiency"),
                says="a model says when, and a base rate does not",
                fix=TRAIN,
            ),
            no_rows(
                "levers_raise_the_score",
                "select * from {batch} where "
                "list_min(cast(json_extract(levers, '$[*].gain') as double[])) <= 0",
                columns=("levers",),
                says="what is called a lever raises the score",
                fix=TRAIN,
            ),
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
            *speakers(),
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
