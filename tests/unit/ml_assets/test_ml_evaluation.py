from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score

from ml_assets.evaluation import (
    average_precision,
    brier_score,
    expected_calibration_error,
    grouped_bootstrap,
    lift_by_decile,
    log_loss,
    reliability_table,
    roc_auc,
    score_report,
    skill,
    wilson_interval,
)

OUTCOME = np.array([1.0, 0.0, 1.0, 0.0])
PROBABILITY = np.array([0.9, 0.8, 0.7, 0.1])
CASES = st.lists(st.tuples(st.booleans(), st.integers(0, 20)), min_size=2, max_size=60)


def test_roc_auc_is_the_share_of_pairs_in_the_right_order() -> None:
    # Pairs (positive, negative): .9>.8 and .9>.1 and .7>.1 right, .7<.8 wrong: 3 of 4.
    assert roc_auc(OUTCOME, PROBABILITY) == 0.75


def test_roc_auc_counts_ties_a_half() -> None:
    assert roc_auc(OUTCOME, np.full(4, 0.3)) == 0.5


def test_a_weight_of_two_is_the_same_as_a_row_that_occurs_twice() -> None:
    weight = np.array([2.0, 1.0, 1.0, 3.0])
    repeated = np.repeat(np.arange(4), weight.astype(int))
    for metric in (roc_auc, average_precision, log_loss, brier_score):
        assert metric(OUTCOME, PROBABILITY, weight) == pytest.approx(
            metric(OUTCOME[repeated], PROBABILITY[repeated], None)
        )


def test_average_precision_by_hand() -> None:
    # Ranked: 1, 0, 1, 0. Precision at the positives: 1/1 and 2/3; mean 5/6.
    assert average_precision(OUTCOME, PROBABILITY) == pytest.approx(5 / 6)


def test_log_loss_by_hand() -> None:
    expected = -(math.log(0.9) + math.log(0.2) + math.log(0.7) + math.log(0.9)) / 4
    assert log_loss(OUTCOME, PROBABILITY) == pytest.approx(expected)


def test_log_loss_of_a_certain_error_is_large_but_finite() -> None:
    assert 30 < log_loss(np.array([1.0]), np.array([0.0])) < 40


def test_brier_and_skill_by_hand() -> None:
    # Squares: .01, .64, .09, .01; the base rate .5 gives .25 each.
    assert brier_score(OUTCOME, PROBABILITY) == pytest.approx(0.1875)
    assert skill(0.1875, 0.25) == pytest.approx(0.25)
    assert math.isnan(skill(0.1, 0.0))


def test_calibration_error_by_hand() -> None:
    # Two bins of five: mean .2 against 2/5 observed, mean .8 against 3/5: gaps .2 and .2.
    probability = np.repeat([0.2, 0.8], 5)
    outcome = np.array([1, 1, 0, 0, 0, 1, 1, 1, 0, 0], dtype=float)
    assert expected_calibration_error(outcome, probability, bins=2) == pytest.approx(0.2)


def test_what_is_undefined_is_nan() -> None:
    none = np.zeros(0)
    assert math.isnan(roc_auc(np.ones(3), np.array([0.1, 0.2, 0.3])))
    assert math.isnan(average_precision(np.zeros(3), np.array([0.1, 0.2, 0.3])))
    assert math.isnan(log_loss(none, none))
    assert math.isnan(brier_score(none, none))
    assert math.isnan(expected_calibration_error(none, none))


@given(CASES)
@settings(max_examples=60, deadline=None)
def test_ranking_metrics_agree_with_scikit_learn(rows: list[tuple[bool, int]]) -> None:
    outcome = np.array([won for won, _ in rows], dtype=float)
    probability = np.array([score / 20 for _, score in rows])
    if 0 < outcome.sum() < len(outcome):
        assert roc_auc(outcome, probability) == pytest.approx(roc_auc_score(outcome, probability))
        assert average_precision(outcome, probability) == pytest.approx(
            average_precision_score(outcome, probability)
        )


@given(CASES, st.randoms())
@settings(max_examples=60, deadline=None)
def test_the_order_of_rows_changes_no_metric(rows: list[tuple[bool, int]], random: object) -> None:
    shuffled = list(rows)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    for metric in (roc_auc, average_precision, log_loss, brier_score, expected_calibration_error):
        values = [
            metric(
                np.array([won for won, _ in order], dtype=float),
                np.array([score / 20 for _, score in order]),
            )
            for order in (rows, shuffled)
        ]
        assert values[0] == pytest.approx(values[1], nan_ok=True)


def test_lift_by_decile_by_hand() -> None:
    # 20 rows, 4 positives; the best two ranks are positive: rate 1 over .2 is a lift of 5.
    outcome = np.zeros(20)
    outcome[[0, 1, 10, 11]] = 1
    table = lift_by_decile(outcome, np.linspace(1, 0.05, 20))
    assert table["row_count"].to_list() == [2] * 10
    assert table.row(0, named=True) == {
        "decile": 1,
        "row_count": 2,
        "positive_rate": 1.0,
        "lift": 5.0,
        "captured_share": 0.5,
    }
    assert table["captured_share"].to_list() == [0.5] * 5 + [1.0] * 5


def test_ties_share_their_outcome_in_the_lift() -> None:
    table = lift_by_decile(np.array([1.0] * 5 + [0.0] * 15), np.full(20, 0.4))
    assert table["lift"].to_list() == pytest.approx([1.0] * 10)


def test_lift_without_positives_is_null() -> None:
    assert lift_by_decile(np.zeros(10), np.linspace(0, 1, 10))["lift"].null_count() == 10


def test_reliability_table_by_hand() -> None:
    outcome = np.array([1, 1, 0, 0, 0, 1, 1, 1, 0, 0], dtype=float)
    table = reliability_table(outcome, np.repeat([0.2, 0.8], 5), bins=2)
    assert table["mean_probability"].to_list() == pytest.approx([0.2, 0.8])
    assert table["observed_rate"].to_list() == pytest.approx([0.4, 0.6])
    assert table["row_count"].to_list() == [5, 5]


def test_wilson_interval_of_a_published_example() -> None:
    # Newcombe (1998), table I: 81 of 263, score method without correction: 0.2553 to 0.3662.
    assert wilson_interval(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)


def test_wilson_interval_knows_nothing_without_trials() -> None:
    assert wilson_interval(0, 0) == (0.0, 1.0)


def test_bootstrap_resamples_whole_groups() -> None:
    # Two groups of equal rows: a resample holds a, b or both, so the mean is 0, ½ or 1.
    values = np.array([0.0] * 50 + [1.0] * 50)
    groups = ["a"] * 50 + ["b"] * 50
    estimate = grouped_bootstrap(lambda w: float(np.average(values, weights=w)), groups, seed=1)
    assert (estimate.value, estimate.low, estimate.high) == (0.5, 0.0, 1.0)


def test_bootstrap_of_independent_rows_matches_the_standard_error() -> None:
    values = np.random.default_rng(3).normal(size=400)
    groups = [str(i) for i in range(400)]
    estimate = grouped_bootstrap(
        lambda w: float(np.average(values, weights=w)), groups, seed=1, replicates=2_000
    )
    half_width = 1.96 * values.std() / 20
    assert estimate.low == pytest.approx(values.mean() - half_width, abs=0.01)
    assert estimate.high == pytest.approx(values.mean() + half_width, abs=0.01)


def test_bootstrap_of_one_group_has_no_interval() -> None:
    estimate = grouped_bootstrap(lambda w: float(w.sum()), ["a", "a"], seed=1)
    assert estimate.value == 2
    assert math.isnan(estimate.low)
    assert not estimate.is_above_zero()


def test_report_compares_with_every_baseline() -> None:
    rng = np.random.default_rng(5)
    chance = rng.uniform(0.05, 0.95, 800)
    outcome = (rng.random(800) < chance).astype(float)
    report = score_report(
        outcome,
        chance,
        baselines={"base_rate": np.full(800, 0.5), "itself": chance},
        groups=[str(i // 2) for i in range(800)],
        seed=1,
    )
    assert report.group_count == 400
    assert report.improvements["log_loss", "base_rate"].is_above_zero()
    assert report.improvements["log_loss", "itself"].value == 0
    assert not report.improvements["brier", "itself"].is_above_zero()
    assert report.skills["brier", "base_rate"] == pytest.approx(
        1 - brier_score(outcome, chance) / 0.25
    )
    assert isinstance(report.lift, pl.DataFrame)
    assert set(report.as_dict()) >= {"metrics", "baselines", "improvements", "reliability"}
