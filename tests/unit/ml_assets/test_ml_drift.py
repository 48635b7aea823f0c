"""Drift: an index worked out by hand, silent where nothing changed, loud where something did."""

from __future__ import annotations

import math
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from signals_core import core_of, event

from ml_assets.drift import (
    DRIFT_SCHEMA,
    calibration_by_month,
    drift_report,
    population_stability,
    read_scored,
    stabilities,
    store_scored,
)
from ml_assets.drift.history import scored_before
from ml_assets.evaluation import held_out_frame
from ml_assets.registry.store import store_candidate

AS_OF = date(2026, 6, 30)


def test_the_index_is_the_sum_over_bins_worked_out_by_hand():
    before = pl.Series("plan", ["a"] * 60 + ["b"] * 40)
    after = pl.Series("plan", ["a"] * 30 + ["b"] * 60 + ["new"] * 10)
    found = population_stability(before, after)
    # three bins, a half added to each: 60.5, 40.5, 0.5 of 101.5 and 30.5, 60.5, 10.5 of 101.5
    p = [60.5 / 101.5, 40.5 / 101.5, 0.5 / 101.5]
    q = [30.5 / 101.5, 60.5 / 101.5, 10.5 / 101.5]
    by_hand = sum((y - x) * math.log(y / x) for x, y in zip(p, q, strict=True))
    assert found.psi == pytest.approx(by_hand)
    assert found.noise_floor == pytest.approx(2 * (1 / 100 + 1 / 100))
    assert found.noise_limit == pytest.approx(9.2103 * 0.02, rel=1e-4)  # chi-squared, 2 degrees
    assert (found.moved_bin, found.verdict) == ("other", "severe")


def test_numbers_are_cut_into_bins_of_equal_mass_with_the_missing_apart():
    before = pl.Series("days", [float(n) for n in range(100)] + [None] * 25)
    after = pl.Series("days", [float(n) for n in range(100)] * 2 + [None] * 50)
    found = population_stability(before, after)
    assert found.bin_count == 11
    assert found.psi < 0.001
    assert found.reference_missing_share == found.current_missing_share == 0.2
    gone = population_stability(before, pl.Series("days", [None] * 100, dtype=pl.Float64))
    assert (gone.moved_bin, gone.verdict) == ("missing", "severe")
    assert gone.current_share > 0.9


@pytest.mark.parametrize("rows", [60, 300, 3000])
def test_without_drift_the_index_lies_around_its_floor_and_is_rarely_called_drift(rows: int):
    rng = np.random.default_rng(2)
    found = [
        population_stability(
            pl.Series("x", rng.normal(size=4000)), pl.Series("x", rng.normal(size=rows))
        )
        for _ in range(200)
    ]
    assert np.mean([one.psi for one in found]) == pytest.approx(found[0].noise_floor, rel=0.15)
    beyond = np.mean([one.psi > one.noise_limit for one in found])
    assert beyond <= 0.04
    assert sum(one.verdict != "stable" for one in found) <= 2


def test_what_single_evenings_have_in_common_is_no_drift():
    rng = np.random.default_rng(5)

    def evening(number: int, rows: int) -> list[float]:
        return (rng.normal(size=rows) + (number % 7) * 0.8).tolist()  # each weekday its own

    before = pl.Series("x", [value for number in range(140) for value in evening(number, 30)])
    evenings = pl.Series([number for number in range(140) for _ in range(30)])
    after = pl.Series("x", evening(1, 500))
    naive = population_stability(before, after)
    aware = population_stability(before, after, evenings=evenings)
    assert naive.verdict == "severe"
    assert aware.verdict == "stable"
    assert aware.psi == naive.psi
    assert aware.noise_floor > 5 * naive.noise_floor
    gone = pl.Series("x", evening(40, 500)) + 8
    assert population_stability(before, gone, evenings=evenings).verdict == "severe"


def test_an_evening_is_compared_with_those_of_its_weekday():
    rng = np.random.default_rng(7)
    days = [date(2025, 9, 1) + timedelta(days=number) for number in range(280)]
    rows = [
        (day, float(rng.normal()) + 3 * (day.weekday() == 1)) for day in days for _ in range(20)
    ]
    reference = pl.DataFrame(rows, schema=["as_of_date", "x"], orient="row")
    tuesday = pl.DataFrame({"x": rng.normal(3, 1, 400)})
    assert stabilities(reference, tuesday, date(2026, 6, 30))["x"].verdict == "stable"
    assert stabilities(reference, tuesday, date(2026, 7, 1))["x"].verdict == "severe"
    few = reference.head(3000)
    assert stabilities(few, tuesday, date(2026, 6, 30))["x"].reference_count == 3000


def test_evenings_that_have_nothing_in_common_add_little_to_the_floor():
    rng = np.random.default_rng(6)
    evenings = pl.Series([number for number in range(140) for _ in range(30)])
    floors: list[float] = []
    for _ in range(20):
        before, after = (pl.Series("x", rng.normal(size=rows)) for rows in (4200, 500))
        floors.append(population_stability(before, after, evenings=evenings).noise_floor)
    assert np.mean(floors) == pytest.approx(9 * (1 / 4200 + 1 / 500), rel=0.4)


def test_a_shift_is_found_and_small_samples_are_not_judged():
    rng = np.random.default_rng(3)
    before = pl.Series("x", rng.normal(size=4000))
    after = pl.Series("x", rng.normal(0.9, 1, size=300))
    assert population_stability(before, after).verdict == "severe"
    assert population_stability(before, after.head(49)).verdict == "too few"
    assert population_stability(before, after.head(0)).verdict == "too few"
    mild = pl.Series("x", rng.normal(0.45, 1, size=3000))
    assert population_stability(before, mild).verdict == "moderate"


def test_flags_constants_and_rare_words_are_compared_too():
    flags = population_stability(pl.Series([True, False] * 100), pl.Series([True] * 100))
    assert flags.verdict == "severe"
    same = population_stability(pl.Series([1.0] * 100), pl.Series([1.0] * 100))
    assert (same.psi, same.verdict) == (0.0, "stable")
    words = pl.Series([f"rare {n}" for n in range(150)] + ["usual"] * 850)
    assert population_stability(words, words).bin_count == 2


def predictions(month: int, probability: float, won: int, lost: int, undecided: int = 0):
    outcomes = [1.0] * won + [0.0] * lost + [None] * undecided
    return pl.DataFrame(
        {
            "as_of_date": [date(2026, month, 10)] * len(outcomes),
            "group": [f"{month}-{n}" for n in range(len(outcomes))],
            "probability": [probability] * len(outcomes),
            "outcome": pl.Series(outcomes, dtype=pl.Float64),
            "weight": [1.0] * len(outcomes),
        }
    )


def test_calibration_over_time_compares_what_was_said_with_what_came():
    months = calibration_by_month(
        pl.concat(
            [
                predictions(1, 0.3, 30, 70),
                predictions(2, 0.3, 50, 50),
                predictions(3, 0.3, 37, 63),
                predictions(4, 0.3, 50, 20, 30),
                predictions(5, 0.3, 20, 20),
                predictions(6, 0.3, 0, 0, 20),
            ]
        )
    )
    assert [one.month.month for one in months] == [1, 2, 3, 4, 5]
    first, second, third, fourth, fifth = months
    assert (first.gap, first.verdict) == (pytest.approx(0.0), "stable")
    assert (second.gap, second.verdict) == (pytest.approx(0.2), "severe")
    # 50 errors of 0.7 and 50 of 0.3: the root of 50 * (0.49 + 0.09), over 100
    assert second.standard_error == pytest.approx(math.sqrt(50 * 0.58) / 100)
    assert third.verdict == "stable"  # 7 points, within 2 standard errors
    assert (fourth.decided_share, fourth.verdict) == (0.7, "too few")
    assert fifth.verdict == "too few"


def test_rows_of_one_deal_are_no_independent_witnesses():
    alone = predictions(1, 0.3, 60, 40)
    repeated = pl.concat([alone] * 4)
    one, four = (calibration_by_month(frame)[0] for frame in (alone, repeated))
    assert four.gap == pytest.approx(one.gap)
    assert four.standard_error == pytest.approx(one.standard_error)
    assert (four.known_count, four.group_count) == (400, 100)


def scores_and_outcomes():
    con = core_of(
        {
            "fct_opportunity_event": [
                event(1, "won", "stage", "Proposal", "2026-01-05 09:00"),
                event(2, "won", "stage", "Closed Won", "2026-03-05 09:00"),
                event(3, "lost", "stage", "Closed Lost", "2026-04-05 09:00"),
                event(4, "open", "stage", "Proposal", "2026-01-05 09:00"),
                event(5, "reopened", "stage", "Closed Lost", "2026-04-05 09:00"),
                event(6, "reopened", "stage", "Proposal", "2026-04-06 09:00"),
                event(
                    7, "told late", "stage", "Closed Won", "2026-06-05 09:00", "2026-07-01 00:00"
                ),
            ]
        }
    )
    con.execute("create schema ml")
    con.execute(
        "create table ml.ml_opportunity_score as select opportunity_id, "
        "cast(as_of_date as date) as as_of_date, 0.4 as win_probability, data_sufficiency from "
        "(values ('won', '2026-01-10', 'model'), ('won', '2026-01-20', 'model'), "
        "('won', '2026-02-01', 'model'), ('lost', '2026-01-10', 'no_signal: base rate'), "
        "('lost', '2026-02-10', 'model'), ('open', '2026-02-10', 'model'), "
        "('reopened', '2026-02-10', 'model'), ('told late', '2026-02-10', 'model'), "
        "('won', '2026-06-30', 'model')) as t (opportunity_id, as_of_date, data_sufficiency)"
    )
    return con


def test_earlier_scores_are_met_with_what_is_known_of_them():
    found = scored_before(scores_and_outcomes(), "opportunity_score", AS_OF)
    rows = {(day.isoformat(), deal): outcome for day, deal, _, outcome, _ in found.iter_rows()}
    assert rows == {
        ("2026-01-10", "won"): 1.0,  # the first of the month; the 20th is left out
        ("2026-02-01", "won"): 1.0,
        ("2026-02-10", "lost"): 0.0,
        ("2026-02-10", "open"): None,
        ("2026-02-10", "reopened"): None,
        ("2026-02-10", "told late"): None,
    }
    assert scored_before(scores_and_outcomes(), "revenue_forecast", AS_OF).is_empty()


def test_a_lead_that_is_older_than_the_horizon_has_not_converted():
    con = core_of(
        {
            "dim_lead": [
                {"lead_id": "in time", "converted_at": "2026-04-01", "created_at": "2026-01-01",
                 "valid_from": "2026-04-01"},
                {"lead_id": "too late", "converted_at": "2026-05-20", "created_at": "2026-01-01",
                 "valid_from": "2026-05-20"},
            ]
        }
    )  # fmt: skip
    con.execute("create schema ml")
    con.execute(
        "create table ml.ml_lead_score as select lead_id, cast(as_of_date as date) as as_of_date, "
        "0.1 as conversion_probability, 60 as horizon_days, 'model' as data_sufficiency from "
        "(values ('in time', '2026-03-10'), ('too late', '2026-03-10'), ('never', '2026-03-10'), "
        "('young', '2026-05-10')) as t (lead_id, as_of_date)"
    )
    found = scored_before(con, "lead_score", AS_OF)
    outcomes = dict(zip(found["group"], found["outcome"], strict=True))
    assert outcomes == {"in time": 1.0, "too late": 0.0, "never": 0.0, "young": None}


def test_the_report_speaks_of_the_version_that_scored_this_evening(tmp_path: Path):
    rng = np.random.default_rng(4)
    reference = pl.DataFrame(
        {
            "days": rng.normal(size=2000),
            "stage": ["a", "b"] * 1000,
            "days_to_quarter_end": [5] * 2000,
        }
    )
    later = held_out_frame(
        np.array([1.0, 0.0] * 50), np.full(100, 0.5), baselines={},
        groups=[str(n) for n in range(100)], days=pl.Series([date(2026, 2, 3)] * 100),
    )  # fmt: skip
    store_candidate(
        tmp_path, "opportunity_score", "v1", facts={}, held_out={"later": later},
        reference=reference, save=None,
    )  # fmt: skip
    evening = pl.DataFrame(
        {"days": rng.normal(2, 1, 400), "stage": ["a", "b"] * 200, "days_to_quarter_end": [0] * 400}
    )
    store_scored(tmp_path, "opportunity_score", AS_OF, "v1", evening)
    con = scores_and_outcomes()
    found = drift_report(con, AS_OF, tmp_path, ["opportunity_score", "lead_score"])
    assert list(found.schema.items()) == list(DRIFT_SCHEMA.items())
    verdicts = {
        (measure, feature, period.isoformat()): verdict
        for measure, feature, period, verdict in found.select(
            "measure", "feature", "period_start", "verdict"
        ).iter_rows()
    }
    assert verdicts == {
        ("population", "days", "2026-06-30"): "severe",
        ("population", "stage", "2026-06-30"): "stable",
        ("calibration", "prediction", "2026-01-01"): "too few",
        ("calibration", "prediction", "2026-02-01"): "too few",
        ("calibration_backtest", "prediction", "2026-02-01"): "stable",
    }
    days = found.row(by_predicate=pl.col("feature") == "days", named=True)
    assert "of the training and is" in days["explanation"]
    other_evening = drift_report(con, date(2026, 6, 29), tmp_path, ["opportunity_score"])
    assert other_evening.is_empty()


def test_without_a_champion_nothing_is_kept(tmp_path: Path):
    store_scored(tmp_path, "m", AS_OF, "v1", pl.DataFrame({"x": [1.0]}))
    kept = read_scored(tmp_path, "m", AS_OF)
    assert kept is not None
    assert (kept.version, kept.features.columns) == ("v1", ["x"])
    store_scored(tmp_path, "m", AS_OF, None, None)
    assert read_scored(tmp_path, "m", AS_OF) is None
    store_scored(tmp_path, "m", AS_OF, None, None)
