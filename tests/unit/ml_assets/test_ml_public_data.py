"""The scorer on data that others published, each in seconds; the guide gives the full figures."""

from __future__ import annotations

from pathlib import Path
from zipfile import ZipFile

import numpy as np
import polars as pl
import pytest

from ml_assets.evaluation import expected_calibration_error, roc_auc
from ml_assets.scoring import BinaryScorer, ScorerSettings

DATA = Path(__file__).resolve().parents[4] / "shared" / "data"
BANK = DATA / "bank_marketing" / "bank-additional.zip"
CHURN = DATA / "saas_churn" / "churn.csv"

# The shape that tuning finds on both, without the search for it.
LIGHT = ScorerSettings(
    tuning=0, linear=False, folds=3, learning_rate=0.1, min_rows_per_leaf=20, feature_share=0.8,
    l2=1.0, max_rounds=100, patience=10,
)  # fmt: skip

pytestmark = pytest.mark.skipif(
    not DATA.is_dir(), reason="the public data ../shared/data are not beside the repository"
)


@pytest.fixture(scope="module")
def calls() -> pl.DataFrame:
    """Sales calls of a bank in the order of their dates, without what is known only afterwards."""
    with ZipFile(BANK) as archive:
        text = archive.read("bank-additional/bank-additional-full.csv")
    return (
        pl.read_csv(text, separator=";", infer_schema_length=None)
        .with_columns(pl.col("y") == "yes")
        .drop("duration")
        .with_row_index("call")
    )


def cross_validated(
    frame: pl.DataFrame, target: str, settings: ScorerSettings, judged: int, folds: int = 5
) -> tuple[np.ndarray, np.ndarray]:
    """Outcomes, and what scorers say that had not seen them, over the first `judged` folds."""
    fold_of = pl.Series(np.random.default_rng(1).permutation(frame.height) % folds)
    outcomes: list[np.ndarray] = []
    answers: list[np.ndarray] = []
    for fold in range(judged):
        scorer = BinaryScorer(target, exclude=["call"], settings=settings)
        scorer.fit(frame.filter(fold_of != fold))
        held_out = frame.filter(fold_of == fold)
        outcomes.append(held_out[target].cast(float).to_numpy())
        answers.append(scorer.probability(held_out))
    return np.concatenate(outcomes), np.concatenate(answers)


def test_calls_of_a_bank_are_ranked_as_well_as_published(calls: pl.DataFrame) -> None:
    """Every third call, three of five folds; 0.80 is what is published for all of them."""
    outcome, probability = cross_validated(calls.gather_every(3), "y", LIGHT, judged=3)
    assert roc_auc(outcome, probability) >= 0.785
    assert expected_calibration_error(outcome, probability) < 0.015


def test_calls_of_the_last_quarter_are_ranked_from_those_before(calls: pl.DataFrame) -> None:
    """The rate of a yes rises from 6 % to 26 %, and what drives it changes; published: 0.72."""
    first = calls.height * 3 // 4
    scorer = BinaryScorer("y", time="call")
    report = scorer.fit(calls[:first])
    later = scorer.evaluate(calls[first:])
    assert report.suspected_leaks == ()
    assert later.metrics["roc_auc"].value >= 0.72
    assert later.skills["log_loss", "base_rate"] > 0.2


def test_churn_of_a_saas_provider_is_ranked_and_calibrated() -> None:
    frame = pl.read_csv(CHURN)
    outcome, probability = cross_validated(frame, "churned", LIGHT, judged=5)
    assert roc_auc(outcome, probability) >= 0.92
    assert expected_calibration_error(outcome, probability) < 0.03


def test_of_honest_columns_and_one_that_knows_the_answer_that_one_is_named(
    calls: pl.DataFrame,
) -> None:
    some = calls.gather_every(8)
    noise = np.random.default_rng(2).normal(size=some.height)
    told = some.with_columns(after=pl.col("y").cast(float) * 4 + noise)
    report = BinaryScorer("y", exclude=["call"], settings=LIGHT).fit(told)
    assert [leak.column for leak in report.suspected_leaks] == ["after"]
