"""What is expected of the evening's look at drift."""

from __future__ import annotations

from datetime import date

from expectations.g3_ml.predictions import LAYER
from expectations.suites import TableSuite, in_set, no_rows, not_null, unique

_AGAIN = "Compare the evening with the training again."


def suites(as_of: date) -> list[TableSuite]:
    """The comparisons of the evening. Drift itself is pointed out and stops nothing."""
    return [
        TableSuite(
            LAYER,
            "ml_drift",
            f"select * from ml.ml_drift where as_of_date = date '{as_of}'",
            (
                unique(("model_name", "measure", "feature", "period_start"), _AGAIN),
                *(not_null(name, _AGAIN) for name in ("model_version", "value", "verdict")),
                in_set("verdict", ("stable", "moderate", "severe", "too few"), _AGAIN),
                no_rows(
                    "features_as_in_training",
                    "select * from {batch} where measure = 'population' and verdict = 'severe'",
                    columns=("model_name", "feature", "explanation"),
                    says="no feature lies far from what the champion was trained on",
                    fix="Look at the loads that the feature comes from; if the world has changed, "
                    "train again and watch the calibration.",
                    severity="warning",
                ),
                no_rows(
                    "predictions_come_true",
                    "select * from {batch} where measure = 'calibration' and verdict = 'severe'",
                    columns=("model_name", "period_start", "explanation"),
                    says="predictions of a month come true as often as they say, within 10 points",
                    fix="Roll back to a former champion or train again; runbook on models.",
                    severity="warning",
                ),
            ),
        )
    ]
