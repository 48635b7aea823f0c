"""What is expected of what is said about customers: value, chance to be lost, segment."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from expectations.g3_ml.predictions import LAYER, TRAIN, speakers
from expectations.suites import TableSuite, no_rows, unique

if TYPE_CHECKING:
    from great_expectations.expectations.expectation import BatchExpectation

BY_CONTRACT = "every running contract%"
"""How `definition` begins where customers leave by their contracts; silence gets less likely."""

_ONCE = "Score each customer once an evening."


def suites(as_of: date) -> list[TableSuite]:
    """Suites of ml_churn_score, ml_ltv and ml_segment for an evening."""
    return [_churn(as_of), _value(as_of), _segment(as_of)]


def _churn(as_of: date) -> TableSuite:
    chances = (
        "churn_probability",
        "churn_probability_low",
        "churn_probability_high",
        "churn_within_90d",
        "churn_within_365d",
    )
    return TableSuite(
        LAYER,
        "ml_churn_score",
        _of_evening("ml_churn_score", as_of),
        (
            unique(("account_id",), _ONCE),
            _complete("churn_probability", "definition", "horizon_days"),
            no_rows(
                "chances_ordered",
                "select * from {batch} where least("
                f"{', '.join(chances)}) < 0 or greatest({', '.join(chances)}) > 1 "
                "or churn_probability < churn_probability_low "
                "or churn_probability > churn_probability_high "
                f"or definition like '{BY_CONTRACT}' and churn_within_90d > churn_within_365d",
                columns=chances,
                says="chances lie between 0 and 1 and within their intervals, and those to lose "
                "contracts grow with time",
                fix="Look at the calibration of the churn score.",
            ),
            *speakers(),
        ),
    )


def _value(as_of: date) -> TableSuite:
    amounts = tuple(f"value_{days}d{end}" for days in (365, 1095) for end in ("_low", "", "_high"))
    return TableSuite(
        LAYER,
        "ml_ltv",
        _of_evening("ml_ltv", as_of),
        (
            unique(("account_id",), _ONCE),
            _complete("method", *amounts),
            no_rows(
                "values_ordered",
                f"select * from {{batch}} where least({', '.join(amounts)}) < 0 "
                "or value_365d < value_365d_low or value_365d > value_365d_high "
                "or value_1095d < value_1095d_low or value_1095d > value_1095d_high "
                "or value_365d > value_1095d or alive_probability not between 0 and 1",
                columns=amounts,
                says="values are not negative, lie within their intervals and grow with time",
                fix="Look at the draws of the value model.",
            ),
            *speakers(),
        ),
    )


def _segment(as_of: date) -> TableSuite:
    return TableSuite(
        LAYER,
        "ml_segment",
        _of_evening("ml_segment", as_of),
        (
            unique(("account_id",), _ONCE),
            _complete("segment"),
            no_rows(
                "clusters_named",
                "select * from {batch} where (cluster is null) <> (cluster_name is null) "
                "or (cluster is null) <> (stability is null) "
                "or stability not between 0 and 1 or cluster_stability not between 0 and 1 "
                "or cluster in (select cluster from {batch} group by cluster "
                "having count(distinct cluster_name) > 1)",
                columns=("cluster", "cluster_name", "stability", "cluster_stability"),
                says="each cluster has one name and a stability between 0 and 1",
                fix="Group the customers again.",
            ),
            *speakers(),
        ),
    )


def _complete(*columns: str) -> BatchExpectation:
    needed = ("account_id", "model_version", "data_sufficiency", *columns)
    return no_rows(
        "complete",
        "select * from {batch} where " + " or ".join(f"{column} is null" for column in needed),
        columns=needed,
        says="every row says of whom, by which model and what",
        fix=TRAIN,
    )


def _of_evening(table: str, as_of: date) -> str:
    return f"select * from ml.{table} where as_of_date = date '{as_of}'"
