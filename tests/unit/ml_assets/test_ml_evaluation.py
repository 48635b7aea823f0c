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
    threshold_report,
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


def fair_coins(rows: int = 600, seed: int = 5) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Outcomes drawn with known chances."""
    rng = np.random.default_rng(seed)
    chance = rng.uniform(0.05, 0.95, rows)
    return (rng.random(rows) < chance).astype(float), chance, [str(i) for i in range(rows)]


def test_every_figure_of_a_report_has_an_interval_that_holds_it() -> None:
    outcome, chance, groups = fair_coins()
    report = score_report(
        outcome, chance, baselines={"base_rate": np.full(600, 0.5)}, groups=groups, seed=1
    )
    for estimate in (*report.metrics.values(), *report.skill_intervals.values()):
        assert estimate.low <= estimate.value <= estimate.high
        assert estimate.low < estimate.high
    for figure in ("positive_rate", "lift", "captured_share"):
        low, high = report.lift[f"{figure}_low"], report.lift[f"{figure}_high"]
        assert ((low <= report.lift[figure]) & (report.lift[figure] <= high)).all()
    # The first tenth of a perfectly known chance: 60 rows at about 0.9, so ±0.075.
    assert report.lift["positive_rate_high"][0] - report.lift["positive_rate_low"][0] < 0.2
    wilson = reliability_table(outcome, chance)
    assert (report.reliability["observed_low"] <= wilson["observed_low"]).all()
    assert (report.reliability["observed_high"] >= wilson["observed_high"]).all()


def test_intervals_of_groups_are_wider_than_those_of_rows() -> None:
    """Each row occurs four times: to resample rows would make four times as much evidence of it."""
    outcome, chance, _ = fair_coins(150)
    four = np.repeat(np.arange(150), 4)
    widths = []
    for groups in ([str(i) for i in four], [str(i) for i in range(600)]):
        report = score_report(outcome[four], chance[four], baselines={}, groups=groups, seed=1)
        widths.append(report.lift["lift_high"][4] - report.lift["lift_low"][4])
        auc = report.metrics["roc_auc"]
        widths.append(auc.high - auc.low)
    assert widths[0] == pytest.approx(2 * widths[2], rel=0.35)
    assert widths[1] == pytest.approx(2 * widths[3], rel=0.35)


def test_one_pass_of_resamples_gives_the_same_intervals_as_one_for_each_statistic() -> None:
    outcome, chance, groups = fair_coins(200)
    report = score_report(outcome, chance, baselines={}, groups=groups, seed=3)
    alone = grouped_bootstrap(lambda w: brier_score(outcome, chance, w), groups, seed=3)
    assert report.metrics["brier"].low == pytest.approx(alone.low)
    assert report.metrics["brier"].high == pytest.approx(alone.high)


def test_answers_at_a_threshold_by_hand() -> None:
    # Yes at 0.9, 0.8, 0.7 (outcomes 1, 0, 1), no at 0.4, 0.2, 0.1 (0, 0, 1) and 0.05 (0).
    outcome = np.array([1, 0, 1, 0, 0, 1, 0], dtype=float)
    probability = np.array([0.9, 0.8, 0.7, 0.4, 0.2, 0.1, 0.05])
    report = threshold_report(outcome, probability, groups=list("abcdefg"), seed=1, threshold=0.7)
    assert report.selected_count == 3
    assert report.accuracy.value == pytest.approx(5 / 7)
    assert not report.majority_outcome
    assert report.majority_accuracy.value == pytest.approx(4 / 7)
    assert report.accuracy_gain.value == pytest.approx(1 / 7)
    assert report.precision.value == pytest.approx(2 / 3)
    assert report.recall.value == pytest.approx(2 / 3)
    assert report.specificity.value == pytest.approx(3 / 4)


def test_a_share_of_rows_is_selected_from_the_top_with_its_ties() -> None:
    probability = np.array([0.9, 0.5, 0.5, 0.5, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1])
    outcome = np.array([1, 1, 0, 0, 0, 0, 0, 0, 0, 0], dtype=float)
    groups = [str(i) for i in range(10)]
    first = threshold_report(outcome, probability, groups=groups, seed=1, share=0.1)
    assert (first.threshold, first.selected_count, first.precision.value) == (0.9, 1, 1.0)
    tied = threshold_report(outcome, probability, groups=groups, seed=1, share=0.2)
    assert (tied.threshold, tied.selected_count, tied.precision.value) == (0.5, 4, 0.5)
    none = threshold_report(outcome, probability, groups=groups, seed=1, share=0.0)
    assert none.selected_count == 0
    assert math.isnan(none.precision.value)
    assert none.recall.value == 0


def test_always_lose_scores_82_percent_at_a_win_rate_of_18() -> None:
    """The trap of an accuracy without its baseline: nothing learnt, and it looks good."""
    outcome = np.array([1.0] * 18 + [0.0] * 82)
    report = threshold_report(
        outcome, np.full(100, 0.18), groups=[str(i) for i in range(100)], seed=1
    )
    assert report.accuracy.value == report.majority_accuracy.value == pytest.approx(0.82)
    assert not report.accuracy_gain.is_above_zero()


def test_threshold_and_share_exclude_each_other() -> None:
    one = np.ones(1)
    with pytest.raises(ValueError, match="not both"):
        threshold_report(one, one, groups=["a"], seed=1, threshold=0.1, share=0.1)
    with pytest.raises(ValueError, match="between 0 and 1"):
        threshold_report(one, one, groups=["a"], seed=1, share=1.5)


@given(CASES)
@settings(max_examples=25, deadline=None)
def test_lift_keeps_every_row_and_positive(rows: list[tuple[bool, int]]) -> None:
    outcome = np.array([won for won, _ in rows], dtype=float)
    table = lift_by_decile(outcome, np.array([score / 20 for _, score in rows]))
    assert table["row_count"].sum() == len(rows)
    found = (table["row_count"] * table["positive_rate"]).sum()
    assert found == pytest.approx(outcome.sum())
    if outcome.sum():
        assert table["captured_share"][-1] == pytest.approx(1)
