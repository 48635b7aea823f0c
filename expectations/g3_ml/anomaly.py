"""What is expected of the evening's unusual moves."""

from __future__ import annotations

from datetime import date

from expectations.g3_ml.predictions import LAYER
from expectations.suites import TableSuite, between, in_set, no_rows, not_after, not_null, unique

MOST_SMALL_P_VALUES = 0.2
FEWEST_TESTS = 100
_AGAIN = "Judge the evening again with core as it is now."


def suites(as_of: date) -> list[TableSuite]:
    """The tests of the evening; those of other evenings were judged on theirs."""
    return [
        TableSuite(
            LAYER,
            "ml_anomaly",
            f"select * from ml.ml_anomaly where as_of_date = date '{as_of}'",
            (
                unique(("metric", "node_type", "node_id"), "Judge each figure once an evening."),
                *(
                    not_null(name, _AGAIN)
                    for name in ("observed_value", "expected_value", "p_value", "q_value")
                ),
                *(between(name, 0, 1, _AGAIN) for name in ("p_value", "q_value")),
                in_set("severity", ("none", "moderate", "strong", "severe"), _AGAIN),
                not_after("expected_low", "expected_high", _AGAIN),
                not_after("p_value", "q_value", _AGAIN),
                no_rows(
                    "anomalies_explained",
                    "select * from {batch} where is_anomaly <> (q_value <= 0.05) "
                    "or (is_alert and not is_anomaly) or (is_anomaly <> (explanation is not null))",
                    columns=("q_value", "is_anomaly", "explanation"),
                    says="a q-value up to 0.05 makes an anomaly, and every anomaly is explained",
                    fix=_AGAIN,
                ),
                no_rows(
                    "alarms_are_rare",
                    "select count(*) filter (where p_value <= 0.05) as small, count(*) as tests "
                    f"from {{batch}} having count(*) >= {FEWEST_TESTS} "
                    f"and count(*) filter (where p_value <= 0.05) > {MOST_SMALL_P_VALUES} "
                    "* count(*)",
                    columns=("small", "tests"),
                    says="at most a fifth of the tests have a p-value below 0.05",
                    fix="Look at the loads of the week first: when everything is unusual, data are "
                    "missing or doubled.",
                    severity="warning",
                ),
            ),
        )
    ]
