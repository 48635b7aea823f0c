"""What a lead score means: scale, bands, and how fast engagement fades; worked out by hand."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_assets.evaluation import BandPromise, BandReport, band_report
from ml_assets.evaluation.score_bands import line_r_squared
from ml_assets.leads import lead_score
from ml_assets.leads.baselines import PointsRate, points
from ml_assets.leads.half_life import best_half_life, half_life_losses
from ml_assets.leads.scale import qualification
from ml_assets.leads.settings import PROMISES
from ml_assets.registry.promotion import Decision, hold_bands

PROMOTED = Decision("promoted", "Promoted: it is good.")


@pytest.mark.parametrize(
    ("probability", "score"),
    [(0, 0), (0.05, 20), (0.10, 40), (0.20, 52), (0.30, 64), (0.35, 70), (0.675, 85), (1, 100)],
)
def test_the_scale_by_hand(probability: float, score: float) -> None:
    assert lead_score(np.array([probability]))[0] == score


@given(st.lists(st.floats(0, 1), min_size=2, max_size=20))
def test_a_higher_chance_never_scores_lower(chances: list[float]) -> None:
    scores = lead_score(np.array(sorted(chances)))
    assert all(low <= high for low, high in pairwise(scores))
    assert scores[0] >= 0
    assert scores[-1] <= 100


def test_the_bounds_belong_to_the_band_between() -> None:
    scores = pl.DataFrame({"score": [39.99, 40.0, 55.0, 70.0, 70.01, None]})

    calls = scores.select(qualification(pl.col("score")))["literal"].to_list()

    assert calls == ["disqualify", "nurture", "nurture", "nurture", "qualify", None]


def judged(outcome: list[int], score: list[float]) -> BandReport:
    return band_report(
        np.array(outcome, dtype=float),
        np.array(score, dtype=float),
        PROMISES,
        groups=[str(row) for row in range(len(outcome))],
        seed=1,
        min_bin_rows=1,
    )


def test_bands_by_hand() -> None:
    """Above 70: one of three (33.3 %). Below 40: one of eleven (9.1 %). Neither holds 40 and 70."""
    report = judged(
        [1, 0, 0, *[0] * 10, 1, 0, 1],
        [80, 75, 71, *[10] * 10, 39.9, 40, 70],
    )

    assert [(band.row_count, band.rate.value) for band in report.bands] == [
        (3, pytest.approx(1 / 3)),
        (11, pytest.approx(1 / 11)),
    ]
    assert all(band.is_kept for band in report.bands)


def test_a_band_that_only_reaches_its_bound_breaks_its_word() -> None:
    """Three of ten is not more than 30 %, one of ten not less than 10 %."""
    report = judged([1, 1, 1, *[0] * 7, 1, *[0] * 9], [90.0] * 10 + [5.0] * 10)

    assert [band.is_kept for band in report.bands] == [False, False]


def test_an_empty_band_promises_nothing() -> None:
    report = judged([0, 1, 0], [45, 50, 55])

    assert [(band.row_count, band.is_kept) for band in report.bands] == [(0, True), (0, True)]
    assert np.isnan(report.r_squared)  # one bin is no line


def test_r_squared_over_bins_by_hand() -> None:
    """Bins 0-10, 10-20, 20-30 with 2, 2 and 4 rows: mean scores 5, 15, 25, rates 0, 0.5, 0.5.

    Weighted means: x = (10 + 30 + 100) / 8 = 17.5, y = (0 + 1 + 2) / 8 = 0.375. Deviations x:
    -12.5, -2.5, 7.5, y: -0.375, 0.125, 0.125. Sums: xy = 9.375 - 0.625 + 3.75 = 12.5; xx = 312.5 +
    12.5 + 225 = 550; yy = 0.28125 + 0.03125 + 0.0625 = 0.375. R² = 156.25 / (550 · 0.375).
    """
    report = judged([0, 0, 1, 0, 1, 1, 0, 0], [4, 6, 15, 15, 25, 25, 25, 25])

    assert report.bins["row_count"].to_list() == [2, 2, 4]
    assert report.bins["mean_score"].to_list() == [5, 15, 25]
    assert report.r_squared == pytest.approx(156.25 / (550 * 0.375))


def test_bins_with_few_rows_are_left_out_and_a_score_of_100_is_in_the_last() -> None:
    report = band_report(
        np.array([1.0, 1.0, 0.0]),
        np.array([100.0, 95.0, 12.0]),
        PROMISES,
        groups=["a", "b", "c"],
        seed=1,
        min_bin_rows=2,
    )

    assert report.bins.select("score_from", "score_to", "row_count").rows() == [(90, 100, 2)]


def test_a_line_without_spread_has_no_r_squared() -> None:
    ones = np.ones(3)
    assert np.isnan(line_r_squared(ones, np.array([0.1, 0.2, 0.3]), ones))
    assert np.isnan(line_r_squared(np.array([1.0, 2.0, 3.0]), ones, ones))
    assert np.isnan(line_r_squared(np.array([1.0, 2.0]), np.array([0.1, 0.2]), np.ones(2)))
    assert line_r_squared(np.array([1.0, 2.0, 3.0]), np.array([0.3, 0.2, 0.1]), ones) == (
        pytest.approx(1.0)
    )


def test_promotion_holds_the_bands_to_their_word() -> None:
    """Rates 0, 25 and 100 % at scores 5, 50 and 90 lie nearly on a line."""
    kept = judged([0] * 20 + [1, 0, 0, 0] + [1] * 4, [5.0] * 20 + [50.0] * 4 + [90.0] * 4)
    broken = judged([0] * 20 + [1, 0, 0, 0] + [1, 0, 0, 0], [5.0] * 20 + [50.0] * 4 + [90.0] * 4)

    assert hold_bands(PROMOTED, kept, 0.65).is_promoted
    assert (
        "above 70: more than 30% promised, 100.0% of 4" in hold_bands(PROMOTED, kept, 0.65).reason
    )
    assert hold_bands(PROMOTED, broken, 0.65).code == "bands_missed"
    assert hold_bands(PROMOTED, kept, 0.999).code == "bands_missed"


def test_promotion_refuses_a_crooked_score_and_passes_refusals_on() -> None:
    """Rates 10, 50 and 40 % of 10, 2 and 5 rows keep both bands; one bin too few has no line."""
    refused = Decision("no_signal", "Not promoted.")
    two_bins = judged([0] * 10 + [1, 1], [5.0] * 10 + [90.0, 90.0])

    assert hold_bands(PROMOTED, two_bins, 0.65).code == "bands_missed"
    assert hold_bands(refused, two_bins, 0.65) is refused


def test_a_promise_in_words() -> None:
    assert BandPromise("hot", above=70, rate_above=0.3).says() == "above 70: more than 30%"
    assert BandPromise("x", 10, 20, 0.1, 0.2).says() == (
        "above 10 and below 20: more than 10% and less than 20%"
    )


@pytest.mark.parametrize("true_half_life", [3, 30])
def test_the_half_life_is_measured(true_half_life: int) -> None:
    """Leads with one answer each, so many days ago; the chance depends on what is left of it."""
    rng = np.random.default_rng(5)
    days_ago = rng.uniform(0, 60, 20_000)
    left = 2.0 ** (-days_ago / true_half_life)
    converts = rng.random(20_000) < 1 / (1 + np.exp(3 - 4 * left))
    frame = pl.DataFrame(
        {"is_converted": converts, "age_days": np.full(20_000, 60.0)}
        | {f"answers_decayed_{days}d": 2.0 ** (-days_ago / days) for days in (3, 7, 14, 30)}
        | {f"interest_decayed_{days}d": np.zeros(20_000) for days in (3, 7, 14, 30)}
    )

    losses = half_life_losses(frame, "is_converted", (3, 7, 14, 30))

    assert best_half_life(losses) == true_half_life


def test_points_by_hand() -> None:
    """Hot (30), executive (15), three forms of which two count (20), one answer (10), 9 visit days
    of which five count (15), 40 days old (-20): 70. Cold, of unknown title, silent, young: 0."""
    counts = {
        "forms_since_arrival": [3, 0], "answers_total": [1, 0], "meetings_total": [0, 0],
        "clicks_total": [0, None], "opens_total": [0, 0], "visit_days_total": [9, 0],
    }  # fmt: skip
    frame = pl.DataFrame(
        {"rating": ["Hot", "Cold"], "seniority": ["executive", None], "age_days": [40.0, 2.0]}
        | counts
    )

    assert points(frame).tolist() == [70, 0]


def test_points_become_rates() -> None:
    """Ten cold leads of whom one converts, ten hot ones of whom nine do; the base rate is 50 %, and
    20 imagined rows draw towards it: (1 + 10) / 30 and (9 + 10) / 30."""
    frame = pl.DataFrame(
        {
            "rating": ["Cold"] * 10 + ["Hot"] * 10,
            "seniority": [None] * 20,
            "age_days": [1.0] * 20,
            "is_converted": [True] + [False] * 9 + [True] * 9 + [False],
        },
        schema_overrides={"seniority": pl.String},
    ).with_columns(
        pl.lit(0.0).alias(name)
        for name in (
            "forms_since_arrival", "answers_total", "meetings_total", "clicks_total",
            "opens_total", "visit_days_total",
        )
    )  # fmt: skip

    rates = PointsRate.fit(frame, "is_converted").probability(frame)

    assert rates[0] == pytest.approx(11 / 30)
    assert rates[-1] == pytest.approx(19 / 30)
