"""Anomalies: as many as chance would give where nothing is wrong, and those that are there."""

from __future__ import annotations

import json
from datetime import date

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from ml_assets.anomalies import ANOMALY_SCHEMA, judge, q_values
from ml_assets.anomalies.detect import judged_figures
from ml_assets.anomalies.distributions import count_quantile, count_tails, share_distribution
from ml_assets.anomalies.expectation import discount, expected_counts, expected_shares
from ml_assets.anomalies.series import holiday_effect, season_of_weeks
from ml_assets.evaluation.metrics import Array

AS_OF = date(2026, 6, 30)
WEEKS = 100
ALONE = np.full(1, -1)


def noisy_counts(rng: np.random.Generator, series: int, mean: float, dispersion: float) -> Array:
    chance = rng.gamma(1 / dispersion, dispersion, (series, WEEKS)) if dispersion else 1.0
    return rng.poisson(mean * np.ones((series, WEEKS)) * chance).astype(float)


def in_groups(series: int, size: int = 20) -> np.ndarray:
    return np.repeat(np.arange(series // size), size)


def test_false_discoveries_are_controlled_as_in_the_published_example():
    # Benjamini & Hochberg (1995), section 4.1: fifteen hypotheses, four rejected at 5 %
    published = np.array(
        [.0001, .0004, .0019, .0095, .0201, .0278, .0298, .0344, .0459, .3240, .4262, .5719, .6528,
         .7590, 1.0]
    )  # fmt: skip
    shuffled = np.random.default_rng(3).permutation(15)
    adjusted = q_values(published[shuffled])
    assert int((adjusted <= 0.05).sum()) == 4
    assert adjusted[shuffled.tolist().index(3)] == pytest.approx(0.0095 * 15 / 4)
    assert len(q_values(np.empty(0))) == 0


@given(arrays(float, st.integers(1, 40), elements=st.floats(0, 1)))
def test_a_q_value_is_no_smaller_than_its_p_value_and_keeps_the_order(p_values: Array):
    adjusted = q_values(p_values)
    assert np.all(adjusted >= p_values - 1e-12)
    assert np.all(adjusted <= 1)
    order = np.argsort(p_values, kind="stable")
    assert np.all(np.diff(adjusted[order]) >= -1e-12)


def test_tails_of_counts_are_those_of_the_negative_binomial():
    observed, mean, dispersion = np.array([0.0, 3, 40]), np.array([2.0, 2, 25]), np.full(3, 0.2)
    below, above = count_tails(observed, mean, dispersion)
    reference = stats.nbinom(5, 5 / (5 + mean))
    half = reference.pmf(observed) / 2
    assert below == pytest.approx(reference.cdf(observed) - half)
    assert above == pytest.approx(reference.sf(observed) + half)
    assert count_quantile(0.975, mean, dispersion) == pytest.approx(reference.ppf(0.975))
    poisson_below, _ = count_tails(observed, mean, np.zeros(3))
    expected = stats.poisson(mean).cdf(observed) - stats.poisson(mean).pmf(observed) / 2
    assert poisson_below == pytest.approx(expected, abs=1e-6)


def test_chances_of_a_share_are_those_of_the_beta_binomial():
    chances = share_distribution(12, 0.3, 0.1)
    reference = stats.betabinom(12, 0.3 * 9, 0.7 * 9)
    assert chances == pytest.approx(reference.pmf(np.arange(13)))


def test_an_expectation_is_the_discounted_rate_times_the_exposure():
    counts = np.array([[6.0, 4, 5, 6, 4, 5, 7, 50]])
    exposure = np.array([[5.0, 5, 5, 5, 5, 5, 4, 2]])
    expected = expected_counts(counts, exposure, 1)
    keep = 0.5 ** (1 / 13)
    weights = keep ** np.arange(6, -1, -1)
    by_hand = (weights * counts[0, :7]).sum() / (weights * exposure[0, :7]).sum() * 2
    assert expected.mean[0, 7] == pytest.approx(by_hand)
    assert np.isnan(expected.mean[0, :6]).all()
    assert expected.history[0] == 1
    assert discount(13) == pytest.approx(0.5)


def test_a_share_starts_from_the_share_of_all():
    hits = np.tile(np.array([[1.0], [3.0]]), 8)
    cases = np.full((2, 8), 10.0)
    expected = expected_shares(hits, cases, 1)
    assert 0.1 < expected.mean[0, -1] < 0.2 < expected.mean[1, -1] < 0.3


@pytest.mark.parametrize(
    ("mean", "dispersion"), [(20.0, 0.05), (200.0, 0.02), (1000.0, 0.01)], ids=str
)
def test_clean_counts_alarm_as_often_as_they_should(mean: float, dispersion: float):
    counts = noisy_counts(np.random.default_rng(5), 1500, mean, dispersion)
    judged = judge("count", counts, np.ones(counts.shape), in_groups(1500))
    for p_values in (judged.p_own, judged.p_peers, np.fmax(judged.p_own, judged.p_peers)):
        assert (p_values <= 0.05).mean() == pytest.approx(0.05, abs=0.02)
        assert (p_values <= 0.01).mean() == pytest.approx(0.01, abs=0.008)
    assert int((q_values(np.fmax(judged.p_own, judged.p_peers)) <= 0.05).sum()) <= 2


def test_clean_shares_and_amounts_alarm_as_often_as_they_should():
    rng = np.random.default_rng(6)
    chance = rng.beta(0.2 * 49, 0.8 * 49, (800, WEEKS))
    hits = rng.binomial(50, chance).astype(float)
    shares = judge("share", hits, np.full(hits.shape, 50.0), in_groups(800))
    amounts = np.exp(10 + 0.5 * rng.standard_t(4, (800, WEEKS)))
    money = judge("amount", amounts, np.ones(amounts.shape), in_groups(800))
    for p_values in (shares.p_own, shares.p_peers, money.p_own, money.p_peers):
        assert (p_values <= 0.05).mean() == pytest.approx(0.05, abs=0.025)


def test_the_interval_holds_the_next_figure_as_often_as_it_says():
    counts = noisy_counts(np.random.default_rng(7), 1500, 60.0, 0.05)
    judged = judge("count", counts, np.ones(counts.shape), np.full(1500, -1))
    inside = (judged.observed >= judged.low) & (judged.observed <= judged.high)
    assert inside.mean() == pytest.approx(0.95, abs=0.02)
    assert np.isnan(judged.p_peers).all()


@pytest.mark.parametrize("factor", [4.0, 2.5, 0.15], ids=str)
def test_planted_moves_are_found_nearly_as_often_as_if_the_truth_were_known(factor: float):
    rng = np.random.default_rng(8)
    mean, dispersion = 40.0, 0.04
    counts = noisy_counts(rng, 600, mean, dispersion)
    planted = np.arange(0, 600, 20)
    counts[planted, -1] = noisy_counts(rng, 30, mean * factor, dispersion)[:, -1]
    judged = judge("count", counts, np.ones(counts.shape), in_groups(600))
    flagged = q_values(np.fmax(judged.p_own, judged.p_peers)) <= 0.05
    truth = stats.nbinom(1 / dispersion, 1 / (1 + dispersion * mean))
    last = counts[:, -1]
    known = 2 * np.minimum(truth.cdf(last), truth.sf(last - 1))
    best = q_values(np.minimum(known, 1.0)) <= 0.05
    assert flagged[planted].mean() >= best[planted].mean() - 0.15
    assert flagged[planted].sum() / flagged.sum() >= 0.9
    assert best[planted].mean() > 0.6


def test_planted_moves_of_shares_and_amounts_are_found():
    rng = np.random.default_rng(9)
    hits = rng.binomial(60, 0.25, (300, WEEKS)).astype(float)
    planted = np.arange(300) % 20 == 0
    hits[planted, -1] = 36
    shares = judge("share", hits, np.full(hits.shape, 60.0), in_groups(300))
    amounts = np.exp(rng.normal(10, 0.2, (300, WEEKS)))
    amounts[planted, -1] *= 4
    money = judge("amount", amounts, np.ones(amounts.shape), in_groups(300))
    for judged in (shares, money):
        flagged = q_values(np.fmax(judged.p_own, judged.p_peers)) <= 0.05
        assert flagged[planted].mean() >= 0.95
        assert flagged[~planted].sum() <= 2


def test_what_all_peers_do_is_nobodys_anomaly():
    counts = noisy_counts(np.random.default_rng(10), 40, 50.0, 0.02)
    counts[:, -1] = np.round(counts[:, -1] * 0.2)
    counts[0, -1] = 0
    judged = judge("count", counts, np.ones(counts.shape), in_groups(40))
    alone = judge("count", counts, np.ones(counts.shape), np.full(40, -1))
    assert (alone.p_own < 0.001).all()
    assert judged.p_own == pytest.approx(alone.p_own)
    both = np.fmax(judged.p_own, judged.p_peers)
    assert (both[1:] > 0.001).all()
    assert both[0] < both[1:].min()


def test_an_earlier_anomaly_neither_moves_the_level_nor_hides_the_next():
    clean = noisy_counts(np.random.default_rng(11), 1, 60.0, 0.02)
    hit = clean.copy()
    hit[0, -4] = 2000
    for counts in (clean, hit):
        counts[0, -1] = 180
    before, after = (judge("count", c, np.ones(c.shape), ALONE) for c in (clean, hit))
    assert after.expected[0] == pytest.approx(before.expected[0], rel=0.1)
    assert after.p_own[0] < 1e-4


def test_a_slow_rise_is_followed():
    rng = np.random.default_rng(12)
    trend = np.linspace(40, 120, WEEKS)
    counts = rng.poisson(np.tile(trend, (200, 1))).astype(float)
    judged = judge("count", counts, np.ones(counts.shape), np.full(200, -1))
    assert (q_values(judged.p_own) <= 0.05).sum() <= 2


@settings(deadline=None, max_examples=30)
@given(
    counts=arrays(
        float, st.tuples(st.integers(1, 6), st.integers(8, 30)), elements=st.integers(0, 60)
    ),
    seed=st.integers(0, 5),
)
def test_any_counts_give_sensible_answers_in_any_order(counts: Array, seed: int):
    groups = np.zeros(len(counts), dtype=np.int64)
    judged = judge("count", counts, np.ones(counts.shape), groups)
    known = ~np.isnan(judged.p_own)
    assert ((judged.p_own[known] >= 0) & (judged.p_own[known] <= 1)).all()
    assert (judged.low[known] <= judged.high[known]).all()
    order = np.random.default_rng(seed).permutation(len(counts))
    again = judge("count", counts[order], np.ones(counts.shape), groups)
    assert again.p_own == pytest.approx(judged.p_own[order], nan_ok=True)
    assert again.p_peers == pytest.approx(judged.p_peers[order], nan_ok=True)


@pytest.mark.parametrize("family", ["count", "share", "amount", "mean"])
def test_empty_constant_and_short_series_are_no_anomalies(family: str):
    rows = np.vstack([np.zeros(30), np.full(30, 10.0), np.r_[np.full(27, np.nan), 1.0, 2, 3]])
    cases = np.full(rows.shape, 20.0)
    judged = judge(family, rows, cases, np.full(3, -1))  # type: ignore[arg-type]
    p_values = judged.p_own[~np.isnan(judged.p_own)]
    assert (p_values > 0.05).all()
    assert np.isnan(judged.p_own[2]) or judged.history[2] == 0


def frames(activities: dict[str, list[float]]) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Weekly activities of sellers (oldest first) as the three queries would give them."""
    weeks = len(next(iter(activities.values())))
    levels = {
        **{("rep", name): values for name, values in activities.items()},
        ("team", "T1"): [sum(values) for values in zip(*activities.values(), strict=True)],
        ("region", "R1"): [sum(values) for values in zip(*activities.values(), strict=True)],
        ("company", "All"): [sum(values) for values in zip(*activities.values(), strict=True)],
    }
    figures = pl.DataFrame(
        [
            ("activities", kind, node, weeks - 1 - at, value, None)
            for (kind, node), values in levels.items()
            for at, value in enumerate(values)
        ],
        schema={
            "metric": pl.String, "node_type": pl.String, "node_id": pl.String, "week": pl.Int32,
            "numerator": pl.Float64, "denominator": pl.Float64,
        },
        orient="row",
    )  # fmt: skip
    above = {"rep": ("team", "T1"), "team": ("region", "R1"), "region": ("company", "All")}
    nodes = pl.DataFrame(
        [
            (kind, node, node, "rep AE" if kind == "rep" else None, *above.get(kind, (None, None)),
             "EMEA")
            for kind, node in levels
        ],
        schema=["node_type", "node_id", "node_name", "peer_group", "parent_type", "parent_id",
                "region"],
        orient="row",
    )  # fmt: skip
    calendar = pl.DataFrame(
        [
            (region, week, 5.0, (weeks - week) % 13, False)
            for region in ("All", "EMEA")
            for week in range(weeks)
        ],
        schema={
            "region": pl.String, "week": pl.Int32, "business_days": pl.Float64,
            "quarter_week": pl.Int32, "is_turn_of_year": pl.Boolean,
        },
        orient="row",
    )  # fmt: skip
    return figures, nodes, calendar


def test_a_sellers_drop_is_told_once_with_who_drives_it():
    rng = np.random.default_rng(13)
    activities = {f"S{n}": rng.poisson(60, 60).astype(float).tolist() for n in range(6)}
    activities["S3"][-1] = 4.0
    found = judged_figures(*frames(activities), AS_OF)
    assert dict(found.schema) == dict(ANOMALY_SCHEMA)
    assert found.height == 9
    seller = found.row(by_predicate=pl.col("node_id") == "S3", named=True)
    assert (seller["direction"], seller["is_anomaly"]) == ("down", True)
    assert seller["window_start_date"] == date(2026, 6, 24)
    assert seller["peer_count"] == 5
    assert "Activities of rep S3 in the 7 days to 2026-06-30: 4, below the" in seller["explanation"]
    assert found.filter("is_alert")["node_id"].to_list() == ["S3"]
    others = found.filter((pl.col("node_type") == "rep") & (pl.col("node_id") != "S3"))
    assert not others["is_anomaly"].any()
    assert others["explanation"].null_count() == 5
    team = found.row(by_predicate=pl.col("node_id") == "T1", named=True)
    if team["is_anomaly"]:
        assert json.loads(team["contributors"])[0]["name"] == "S3"


def test_a_drop_of_all_is_told_of_the_company_alone():
    rng = np.random.default_rng(14)
    activities = {f"S{n}": rng.poisson(60, 60).astype(float).tolist() for n in range(6)}
    for values in activities.values():
        values[-1] = round(values[-1] * 0.3)
    found = judged_figures(*frames(activities), AS_OF)
    assert found.filter("is_alert")["node_type"].to_list() == ["company"]
    company = found.row(by_predicate=pl.col("node_id") == "All", named=True)
    assert "the company in the 7 days" in company["explanation"]
    assert [child["name"] for child in json.loads(company["contributors"])] == ["R1"]
    sellers = found.filter(pl.col("node_type") == "rep")
    assert (sellers["p_value_own"] < 0.001).all()
    assert not sellers["is_anomaly"].any()


def test_a_holiday_costs_what_holidays_have_cost_before():
    usual = np.full(40, 100.0)
    missing = np.zeros(40)
    missing[[10, 20, 30]] = 0.4
    kept = usual.copy()
    kept[[10, 20, 30]] = 60.0
    # towards 1 by two weeks without a working day: (2 + 3 * 0.4 * 0) / (2 + 3 * 0.4²)
    assert holiday_effect(usual[None], missing[None]) == pytest.approx(2 / 2.48)
    assert holiday_effect(kept[None], missing[None]) == pytest.approx(1.0)
    ignored = np.tile(usual, (40, 1))
    assert holiday_effect(ignored, np.tile(missing, (40, 1))) < 0.15


def test_the_season_of_a_quarters_last_week_is_learnt_from_the_company():
    season = np.arange(65) % 13
    total = np.where(season == 12, 200.0, 100.0)
    total[-1] = 900.0  # the week judged takes no part
    factors = season_of_weeks(total, np.ones(65), season)
    mean = (12 * 100 + 200) / 13
    assert factors[12] == pytest.approx((4 * 200 / mean + 2) / 6, rel=0.02)
    assert factors[0] == pytest.approx((5 * 100 / mean + 2) / 7, rel=0.02)


def test_without_history_there_is_no_test():
    found = judged_figures(*frames({"S1": [5.0] * 12}), AS_OF)
    assert found.is_empty()
    assert list(found.columns) == list(ANOMALY_SCHEMA)
