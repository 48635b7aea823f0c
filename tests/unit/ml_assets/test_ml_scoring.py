from __future__ import annotations

import math
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_assets.evaluation import roc_auc
from ml_assets.scoring import (
    BinaryScorer,
    ScorerSettings,
    choose_group,
    without_shared_groups,
)
from ml_assets.scoring.calibration import VennAbersCalibrator
from ml_assets.scoring.encoding import FrameEncoder
from ml_assets.scoring.reasons import top_factors
from ml_assets.scoring.splits import group_codes, group_folds, latest_rows, stratified_folds

QUICK = ScorerSettings(max_rounds=60, min_rows_per_leaf=20)


def people(rows: int = 1_500, seed: int = 1) -> pl.DataFrame:
    """Rows with numbers, texts, booleans, dates and gaps; chance follows income and colour."""
    rng = np.random.default_rng(seed)
    income = rng.normal(size=rows)
    red = rng.random(rows) < 0.4
    chance = 1 / (1 + np.exp(-(1.5 * income + 1.2 * red - 0.8)))
    return pl.DataFrame(
        {
            "income": np.where(rng.random(rows) < 0.1, np.nan, income),
            "colour": np.where(red, "red", "blue"),
            "is_member": rng.random(rows) < 0.5,
            "since": [
                date(2024, 1, 1) + timedelta(days=int(d)) for d in rng.integers(0, 500, rows)
            ],
            "household": [f"h{i}" for i in rng.integers(0, rows // 3, rows)],
            "said_yes": rng.random(rows) < chance,
            "chance": chance,
        }
    ).with_columns(pl.col("income").fill_nan(None))


@pytest.fixture(scope="module")
def scorer() -> BinaryScorer:
    scorer = BinaryScorer(
        "said_yes",
        time="since",
        group="household",
        exclude=["chance"],
        settings=QUICK,
        themes={"income": "Money"},
        labels={"income": "yearly income"},
    )
    scorer.fit(people())
    return scorer


def test_a_scorer_ranks_and_calibrates_rows_that_it_has_not_seen(scorer: BinaryScorer) -> None:
    later = people(seed=2)
    report = scorer.evaluate(later)
    best = roc_auc(later["said_yes"].cast(float).to_numpy(), later["chance"].to_numpy())
    assert report.metrics["roc_auc"].value > best - 0.04
    assert report.metrics["ece"].value < 0.08
    assert report.improvements["log_loss", "base_rate"].is_above_zero()


def test_only_the_latest_rows_calibrate(scorer: BinaryScorer) -> None:
    report = BinaryScorer("said_yes", time="since", exclude=["chance"], settings=QUICK).fit(
        people()
    )
    assert report.training_rows == 1_500
    assert 700 <= report.calibration_rows <= 800
    assert report.features == ("income", "colour", "is_member")


def test_probabilities_lie_within_their_interval(scorer: BinaryScorer) -> None:
    predicted = scorer.predict(people(seed=3))
    for row in predicted.iter_rows(named=True):
        assert 0 <= row["probability_low"] <= row["probability"] <= row["probability_high"] <= 1


def test_the_same_rows_give_the_same_bits(scorer: BinaryScorer) -> None:
    again = BinaryScorer(
        "said_yes", time="since", group="household", exclude=["chance"], settings=QUICK
    )
    again.fit(people())
    later = people(seed=2)
    assert (again.probability(later) == scorer.probability(later)).all()


def test_a_saved_scorer_says_the_same(scorer: BinaryScorer, tmp_path: Path) -> None:
    scorer.save(tmp_path)
    loaded = BinaryScorer.load(tmp_path)
    later = people(seed=2)
    assert loaded.predict(later).equals(scorer.predict(later))
    assert {path.suffix for path in tmp_path.iterdir()} <= {".txt", ".json"}


def test_unseen_categories_and_missing_values_are_scored(scorer: BinaryScorer) -> None:
    strange = people(20).with_columns(
        colour=pl.lit("ultraviolet"),
        income=pl.lit(None, dtype=pl.Float64),
        is_member=pl.lit(None, dtype=pl.Boolean),
    )
    assert scorer.predict(strange)["probability"].is_between(0, 1).all()


def test_no_rows_give_no_scores(scorer: BinaryScorer) -> None:
    assert scorer.predict(people().clear()).height == 0


def test_a_missing_column_is_named(scorer: BinaryScorer) -> None:
    with pytest.raises(ValueError, match="colour"):
        scorer.predict(people(5).drop("colour"))


def test_one_outcome_only_is_refused() -> None:
    with pytest.raises(ValueError, match="both outcomes"):
        BinaryScorer("said_yes").fit(people().filter("said_yes"))


def test_an_untrained_scorer_says_so() -> None:
    with pytest.raises(ValueError, match="has not been trained"):
        BinaryScorer("said_yes").predict(people(5))


def test_an_empty_folder_is_no_scorer(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="Train it again"):
        BinaryScorer.load(tmp_path)


def test_a_column_without_numeric_meaning_is_named() -> None:
    with pytest.raises(TypeError, match="tags"):
        FrameEncoder.fit(pl.DataFrame({"tags": [["a"], ["b"]]}), ["tags"], 1)


def test_rare_categories_are_treated_as_missing() -> None:
    frame = pl.DataFrame({"c": ["a"] * 3 + ["b"] * 2 + ["z"]})
    encoder = FrameEncoder.fit(frame, ["c"], 2)
    codes = encoder.transform(pl.DataFrame({"c": ["b", "a", "z", "new", None]}))[:, 0]
    assert codes[:2].tolist() == [1, 0]
    assert np.isnan(codes[2:]).all()


def test_reasons_add_up_to_the_score(scorer: BinaryScorer) -> None:
    rows = people(50, seed=4)
    fitted = scorer._fitted
    assert fitted is not None
    matrix = fitted.encoder.transform(rows)
    shap = fitted.model.contributions(matrix, 1)
    raw = fitted.model.log_odds(matrix, 1)
    assert shap.sum(axis=1) == pytest.approx(raw)
    everything = top_factors(
        rows, shap, fitted.encoder.names, themes=scorer.themes, labels=scorer.labels, count=99
    )
    for row, reasons in enumerate(everything.to_list()):
        total = sum(reason["contribution"] for reason in reasons) + shap[row, -1]
        assert total == pytest.approx(raw[row], abs=1e-3)


def test_a_reason_names_theme_value_and_direction() -> None:
    rows = pl.DataFrame(
        {"calls": [3.0], "mails": [0.0], "who": [None]}, schema_overrides={"who": str}
    )
    reasons = top_factors(
        rows,
        np.array([[0.5, -0.1, -0.7, 9.0]]),
        ["calls", "mails", "who"],
        themes={"calls": "Activity", "mails": "Activity"},
        labels={"calls": "calls in 30 days"},
        count=5,
    )
    assert reasons.to_list() == [
        [
            {"name": "who", "value": "who: unknown", "direction": "lowers", "contribution": -0.7},
            {
                "name": "Activity",
                "value": "calls in 30 days: 3",
                "direction": "raises",
                "contribution": 0.4,
            },
        ]
    ]


def test_groups_of_later_rows_are_taken_from_earlier_ones() -> None:
    earlier = pl.DataFrame({"g": ["a", "b", None], "x": [1, 2, 3]})
    later = pl.DataFrame({"g": ["b", None]})
    assert without_shared_groups(earlier, later, "g")["x"].to_list() == [1, 3]


def test_accounts_are_kept_apart_unless_that_leaves_too_little() -> None:
    earlier = pl.DataFrame({"account": ["a", "b", "c", "d"], "deal": ["1", "2", "3", "4"]})
    one = pl.DataFrame({"account": ["a"], "deal": ["9"]})
    three = pl.DataFrame({"account": ["a", "b", "c"], "deal": ["7", "8", "9"]})
    assert choose_group(earlier, one, ["account", "deal"]) == "account"
    assert choose_group(earlier, three, ["account", "deal"]) == "deal"


@given(st.lists(st.sampled_from("abcdefghijk"), min_size=1), st.integers(0, 9))
def test_a_group_is_in_one_fold_only_and_every_row_in_one(groups: list[str], seed: int) -> None:
    outcome = np.array([float(name < "d") for name in groups])
    codes = group_codes(pl.DataFrame({"g": groups}), "g")
    for folds in (group_folds(groups, 4, seed), stratified_folds(codes, outcome, 4, seed)):
        assert sorted(int(i) for _, held_out in folds for i in held_out) == list(range(len(groups)))
        for train, held_out in folds:
            assert not {groups[i] for i in train} & {groups[i] for i in held_out}


def test_latest_rows_are_chosen_by_time_and_not_by_order() -> None:
    frame = pl.DataFrame({"t": [3, 1, 4, 2]})
    assert latest_rows(frame, "t", 0.5).tolist() == [True, False, True, False]
    assert latest_rows(frame, None, 0.5).all()


def calibrator(rows: int, seed: int = 1) -> tuple[VennAbersCalibrator, np.random.Generator]:
    """Scores that exaggerate: the true chance is half-way between score and one half."""
    rng = np.random.default_rng(seed)
    raw = rng.random(rows)
    outcome = (rng.random(rows) < 0.25 + raw / 2).astype(float)
    groups = np.arange(rows)
    fitted = VennAbersCalibrator.fit(raw, outcome, weight=np.ones(rows), groups=groups, seed=1)
    return fitted, rng


def test_calibration_undoes_exaggeration() -> None:
    fitted, _ = calibrator(4_000)
    raw = np.array([0.1, 0.5, 0.9])
    assert fitted.calibrate(raw).probability == pytest.approx([0.3, 0.5, 0.7], abs=0.05)


def test_the_interval_holds_the_true_rate_and_narrows_with_more_rows() -> None:
    raw = np.linspace(0.05, 0.95, 181)
    widths: list[float] = []
    for rows in (400, 3_000):
        covered = []
        for seed in range(2):
            calibrated = calibrator(rows, seed)[0].calibrate(raw)
            truth = 0.25 + raw / 2
            covered.append(((calibrated.low <= truth) & (truth <= calibrated.high)).mean())
        widths.append(float((calibrated.high - calibrated.low).mean()))
        assert np.mean(covered) > 0.85
    assert widths[1] < widths[0] / 1.5


def test_a_row_of_weight_two_counts_twice_in_the_calibration() -> None:
    raw = np.full(300, 0.5)
    outcome = np.array([1.0] * 100 + [0.0] * 200)
    weight = np.array([2.0] * 100 + [1.0] * 200)
    fitted = VennAbersCalibrator.fit(raw, outcome, weight=weight, groups=np.arange(300), seed=1)
    assert fitted.calibrate(np.array([0.5])).probability[0] == pytest.approx(0.5, abs=0.02)


@given(st.integers(5, 60), st.integers(0, 1_000))
@settings(max_examples=15, deadline=None)
def test_curves_never_fall(rows: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    outcome = (np.arange(rows) % 2).astype(float)
    fitted = VennAbersCalibrator.fit(
        rng.random(rows),
        outcome,
        weight=np.ones(rows),
        groups=np.arange(rows),
        seed=seed,
        replicates=10,
    )
    for curve in (fitted.probability, fitted.low, fitted.high):
        assert (np.diff(curve) >= -1e-12).all()
        assert not math.isnan(curve.sum())


def test_calibration_with_one_outcome_is_refused() -> None:
    with pytest.raises(ValueError, match="both outcomes"):
        VennAbersCalibrator.fit(
            np.array([0.1, 0.2]), np.ones(2), weight=np.ones(2), groups=np.arange(2), seed=1
        )
