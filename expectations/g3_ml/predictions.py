"""What every table of predictions has to keep: where it lies, and who speaks in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from expectations.suites import no_rows

if TYPE_CHECKING:
    from great_expectations.expectations.expectation import BatchExpectation

LAYER = "ml"

BASE_RATE = "%base rate"
"""How `data_sufficiency` ends where no model speaks."""

TRAIN = "Look at the verdict in ml_model_registry and score again."


def speakers() -> tuple[BatchExpectation, BatchExpectation]:
    """Who speaks in a table: a champion, or a fallback that says so."""
    return (
        no_rows(
            "spoken_by_a_champion",
            "select * from {batch} where data_sufficiency = 'model' and model_version not in "
            "(select model_version from ml.ml_model_registry where is_champion)",
            columns=("model_version", "data_sufficiency"),
            says="each row comes from a champion, or says that no model speaks",
            fix=TRAIN,
        ),
        no_rows(
            "spoken_by_a_model",
            "select * from {batch} where data_sufficiency <> 'model'",
            columns=("data_sufficiency",),
            says="rows come from a model",
            fix="No action while there is too little to learn from, or no model keeps what it has "
            "to: data_sufficiency says what is shown instead, and why.",
            severity="info",
        ),
    )
