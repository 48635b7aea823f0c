"""The hazard model against processes whose answer is known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from ml_assets.survival import HazardModel, HazardSettings
from ml_assets.survival.periods import NOTHING, period_matrix, person_periods, sampled
from ml_assets.survival.recalibration import Recalibration

FAST = HazardSettings(max_periods=10, max_rounds=60, patience=10, learning_rate=0.15)
WON, LOST = 0.06, 0.04  # chances per week
HORIZONS = (7, 14, 30, 60, 90)


def drawn(
    rows: int,
    seed: int = 1,
    *,
    won: NDArray[np.float64] | float = WON,
    lost: NDArray[np.float64] | float = LOST,
    columns: Mapping[str, object] | None = None,
    shortest: int = 20,
    longest: int = 200,
) -> pl.DataFrame:
    """Entities with constant chances per week, censored at random."""
    generator = np.random.default_rng(seed)
    either = np.broadcast_to(np.asarray(won) + np.asarray(lost), (rows,))
    week = generator.geometric(either)
    day = (week - 1) * 7 + generator.integers(1, 8, rows)
    is_won = generator.random(rows) < np.asarray(won) / either
    followed = generator.integers(shortest, longest, rows)
    return pl.DataFrame(
        {
            "deal": [f"d{i}" for i in range(rows)],
            "as_of_date": [date(2025, 1, 1) + timedelta(days=i % 300) for i in range(rows)],
            **(columns or {}),
            "days_to_event": np.minimum(day, followed),
            "event": np.where(day <= followed, np.where(is_won, "won", "lost"), None).tolist(),
        },
        schema_overrides={"event": pl.String},
    )


def hazard_model(settings: HazardSettings = FAST, **arguments: object) -> HazardModel:
    return HazardModel(settings=settings, exclude=("deal",), group="deal", **arguments)  # pyright: ignore


def aalen_johansen(frame: pl.DataFrame, event: str, horizon: int) -> float:
    """Share of entities that the event has happened to, by the estimator over single days."""
    surviving, happened = 1.0, 0.0
    for day in range(1, horizon + 1):
        at_risk = frame.filter(pl.col("days_to_event") >= day).height
        today = frame.filter((pl.col("days_to_event") == day) & pl.col("event").is_not_null())
        happened += surviving * (today["event"] == event).sum() / at_risk
        surviving *= 1 - today.height / at_risk
    return happened


def test_constant_hazards_give_their_closed_form() -> None:
    frame = drawn(6_000)
    model = hazard_model()
    model.fit(frame)
    chances = model.cumulative(frame, HORIZONS)
    for name, hazard in (("won", WON), ("lost", LOST)):
        for horizon in HORIZONS:
            expected = hazard / (WON + LOST) * (1 - (1 - WON - LOST) ** (horizon / 7))
            assert chances[f"{name}_within_{horizon}d"].mean() == pytest.approx(expected, abs=0.02)


def test_the_mean_of_the_chances_is_the_aalen_johansen_curve() -> None:
    strong = np.random.default_rng(3).random(5_000) < 0.4
    frame = drawn(5_000, won=np.where(strong, 0.12, 0.02), columns={"is_strong": strong})
    model = hazard_model()
    model.fit(frame)
    for part in (frame.filter("is_strong"), frame.filter(~pl.col("is_strong"))):
        chances = model.cumulative(part, (28, 63))
        for name in ("won", "lost"):
            for horizon in (28, 63):
                estimated = aalen_johansen(part, name, horizon)
                mean = chances[f"{name}_within_{horizon}d"].mean()
                assert mean == pytest.approx(estimated, abs=0.03)


def test_entities_that_are_undecided_count_while_they_are_watched() -> None:
    """Most of them are censored within five weeks; leaving them out would double the hazards."""
    frame = drawn(6_000, shortest=7, longest=35)
    decided = frame.drop_nulls("event")
    assert decided.height < frame.height / 2
    with_censored, without = (hazard_model(), hazard_model())
    with_censored.fit(frame)
    without.fit(decided)
    expected = WON / (WON + LOST) * (1 - (1 - WON - LOST) ** 4)
    chance = with_censored.cumulative(frame, (28,))["won_within_28d"].mean()
    assert chance == pytest.approx(expected, abs=0.02)
    assert without.cumulative(frame, (28,))["won_within_28d"].mean() > expected + 0.15


def test_incidence_is_survival_times_hazard_by_hand() -> None:
    class Stated(HazardModel):
        def hazards(self, frame: pl.DataFrame, periods: int) -> dict[str, NDArray[np.float64]]:
            shape = (frame.height, 1)
            return {
                "won": np.tile([0.1, 0.2, 0.5], shape)[:, :periods],
                "lost": np.tile([0.3, 0.0, 0.5], shape)[:, :periods],
            }

    model, frame = Stated(), pl.DataFrame({"x": [1.0]})
    incidence = model.incidence(frame, 3)
    # undecided before each week: 1, 0.6, 0.48
    assert incidence["won"][0] == pytest.approx([0.1, 0.12, 0.24])
    assert incidence["lost"][0] == pytest.approx([0.3, 0.0, 0.24])
    chances = model.cumulative(frame, (7, 10, 14, 21)).row(0, named=True)
    assert chances["won_within_7d"] == pytest.approx(0.1)
    assert chances["won_within_14d"] == pytest.approx(0.22)
    assert chances["won_within_21d"] == pytest.approx(0.46)
    assert chances["won_within_10d"] == pytest.approx(0.1 + 0.6 * (1 - 0.8 ** (3 / 7)))
    assert chances["won_within_21d"] + chances["lost_within_21d"] == pytest.approx(1.0)


@pytest.fixture(scope="module")
def fitted() -> tuple[HazardModel, pl.DataFrame]:
    generator = np.random.default_rng(5)
    score = generator.normal(size=3_000)
    frame = drawn(
        3_000,
        won=0.06 * np.exp(0.8 * score),
        lost=0.05 * np.exp(-0.5 * score),
        columns={
            "score": score,
            "region": ["EMEA" if i % 2 else "AMER" for i in range(3_000)],
            "close_date": [date(2025, 3, 1) + timedelta(days=i % 400) for i in range(3_000)],
        },
    )
    model = hazard_model(known_dates=("close_date",))
    model.fit(frame)
    return model, frame


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(1, 150), min_size=1, max_size=6))
def test_chances_rise_with_the_horizon_and_stay_below_one(
    fitted: tuple[HazardModel, pl.DataFrame], horizons: list[int]
) -> None:
    model, frame = fitted
    horizons = sorted(set(horizons))
    chances = model.cumulative(frame.head(20), horizons)
    for name in ("won", "lost"):
        curve = chances.select(f"{name}_within_{h}d" for h in horizons).to_numpy()
        assert (np.diff(curve, axis=1) >= 0).all()
        assert ((curve >= 0) & (curve <= 1)).all()
    last = horizons[-1]
    assert (chances[f"won_within_{last}d"] + chances[f"lost_within_{last}d"]).max() <= 1 + 1e-12  # pyright: ignore


def test_incidence_adds_up_to_the_cumulative_chance(
    fitted: tuple[HazardModel, pl.DataFrame],
) -> None:
    model, frame = fitted
    part = frame.head(50)
    incidence = model.incidence(part, 14)
    chances = model.cumulative(part, (98,))
    for name in ("won", "lost"):
        summed = incidence[name].sum(axis=1)
        assert summed == pytest.approx(chances[f"{name}_within_98d"].to_numpy())


def test_who_scores_higher_is_won_sooner(fitted: tuple[HazardModel, pl.DataFrame]) -> None:
    model, frame = fitted
    chance = model.cumulative(frame, (30,))["won_within_30d"]
    high, low = frame["score"] > 1, frame["score"] < -1
    assert chance.filter(high).mean() > 2.5 * chance.filter(low).mean()  # pyright: ignore


def test_a_saved_model_says_the_same(
    fitted: tuple[HazardModel, pl.DataFrame], tmp_path: Path
) -> None:
    model, frame = fitted
    model.save(tmp_path)
    loaded = HazardModel.load(tmp_path)
    assert loaded.cumulative(frame, HORIZONS).equals(model.cumulative(frame, HORIZONS))
    again = hazard_model(known_dates=("close_date",))
    again.fit(frame)
    again_folder = tmp_path / "again"
    again_folder.mkdir()
    again.save(again_folder)
    for path in sorted(tmp_path.glob("hazard*")):
        assert path.read_bytes() == (again_folder / path.name).read_bytes()


def test_a_folder_without_a_model_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="Train it again"):
        HazardModel.load(tmp_path)


def test_thinning_out_quiet_periods_doesn_t_change_the_chances() -> None:
    frame = drawn(8_000)
    full, thinned = hazard_model(), hazard_model(replace(FAST, max_rows=9_000))
    report = full.fit(frame)
    few = thinned.fit(frame)
    assert few.sampled_rows < 0.4 * report.sampled_rows == 0.4 * report.period_rows
    for column in ("won_within_60d", "lost_within_60d"):
        expected = full.cumulative(frame, (60,))[column].mean()
        assert thinned.cumulative(frame, (60,))[column].mean() == pytest.approx(expected, abs=0.02)


def test_an_event_close_to_a_known_date_is_expected_there() -> None:
    """All win in the week of their close date, which lies anywhere in the next nine weeks."""
    generator = np.random.default_rng(9)
    rows = 3_000
    wait = generator.integers(1, 63, rows)
    landmark = [date(2025, 1, 1) + timedelta(days=i % 300) for i in range(rows)]
    frame = pl.DataFrame(
        {
            "as_of_date": landmark,
            "close_date": [d + timedelta(days=int(w)) for d, w in zip(landmark, wait, strict=True)],
            "days_to_event": wait,
            "event": ["won"] * rows,
        }
    )
    model = HazardModel(("won",), known_dates=("close_date",), settings=FAST)
    model.fit(frame)
    incidence = model.incidence(frame, 10)["won"]
    at_its_week = incidence[np.arange(rows), (wait - 1) // 7]
    assert at_its_week.mean() > 0.6


def test_shuffled_events_can_t_be_told_apart() -> None:
    generator = np.random.default_rng(11)
    score = generator.normal(size=2_500)
    frame = drawn(2_500, won=0.06 * np.exp(0.6 * score), columns={"score": score})
    order = generator.permutation(frame.height)
    shuffled = frame.with_columns(frame.select("days_to_event", "event")[order])
    model = hazard_model()
    model.fit(shuffled.head(1_500))
    later = shuffled.tail(1_000).filter(pl.col("event").is_not_null())
    won = (later["event"] == "won").to_numpy()
    rank = model.cumulative(later, (60,))["won_within_60d"].rank("average").to_numpy()
    pairs = won.sum() * (~won).sum()
    auc = (rank[won].sum() - won.sum() * (won.sum() + 1) / 2) / pairs
    assert auc == pytest.approx(0.5, abs=0.07)


def test_an_event_that_never_happened_has_no_chance() -> None:
    frame = drawn(500, lost=1e-12)
    model = hazard_model()
    report = model.fit(frame)
    assert report.event_counts["lost"] == 0
    assert model.cumulative(frame, (90,))["lost_within_90d"].max() == 0.0
    assert model.cumulative(frame.head(0), (90,)).height == 0


def test_what_can_t_be_used_is_named() -> None:
    frame = drawn(50)
    with pytest.raises(ValueError, match="holds gone, which is none of the events"):
        hazard_model().fit(frame.with_columns(event=pl.lit("gone")))
    with pytest.raises(ValueError, match="is null in 50 rows"):
        hazard_model().fit(frame.with_columns(days_to_event=pl.lit(None, dtype=pl.Int64)))
    with pytest.raises(ValueError, match="observed for a day"):
        hazard_model().fit(
            frame.with_columns(days_to_event=pl.lit(0), event=pl.lit(None, dtype=pl.String))
        )
    with pytest.raises(ValueError, match="without `time`"):
        HazardModel(time=None, known_dates=("close_date",))
    with pytest.raises(ValueError, match="has not been trained"):
        hazard_model().cumulative(frame, (30,))


def test_periods_at_risk_by_hand() -> None:
    """Days 7 and 8 are the last of week 1 and the first of week 2."""
    found = person_periods(
        np.array([7, 8, 20, 0, 100]), np.array([0, 1, NOTHING, NOTHING, NOTHING]), 7, 4
    )
    assert found.row.tolist() == [0, 1, 1, 2, 2, 2, 4, 4, 4, 4]
    assert found.period.tolist() == [0, 0, 1, 0, 1, 2, 0, 1, 2, 3]
    assert found.event.tolist() == [0, -1, 1, -1, -1, -1, -1, -1, -1, -1]
    assert found.exposure.tolist() == [1, 1, 1, 1, 1, 6 / 7, 1, 1, 1, 1]


def test_many_events_are_thinned_out_too() -> None:
    periods = person_periods(np.full(1_000, 14), np.zeros(1_000, dtype=np.int64), 7, 4)
    positions, quiet_share, event_share = sampled(periods, 400, np.random.default_rng(1))
    assert (quiet_share, event_share) == pytest.approx((0.2, 0.2))
    assert len(positions) == pytest.approx(400, abs=60)


@pytest.mark.parametrize(
    ("day", "first_month", "left"),
    [
        (date(2026, 3, 31), 1, 0),
        (date(2026, 4, 1), 1, 90),
        (date(2026, 2, 10), 2, 79),  # the quarter of February to April
        (date(2026, 1, 31), 2, 0),
        (date(2025, 12, 25), 4, 6),
    ],
)
def test_days_to_the_end_of_the_fiscal_quarter(day: date, first_month: int, left: int) -> None:
    matrix = period_matrix(
        pl.DataFrame({"as_of_date": [day], "close_date": [day + timedelta(days=10)]}),
        np.array([0, 0]),
        np.array([0, 2]),
        time="as_of_date",
        known_dates=("close_date",),
        period_days=7,
        max_periods=2,
        fiscal_year_start_month=first_month,
    )
    assert matrix[0].tolist() == [0.0, float(left), 10.0]
    assert matrix[1][0] == 1.0
    assert matrix[1][2] == -4.0


def test_recalibration_finds_a_shift_and_leaves_what_is_right() -> None:
    generator = np.random.default_rng(2)
    logit = generator.normal(-2, 1, 20_000)
    happened = (generator.random(20_000) < 1 / (1 + np.exp(-logit))).astype(np.float64)
    period, ones = np.zeros(20_000), np.ones(20_000)
    right = Recalibration.fit(logit, period, happened, ones)
    assert (right.intercept, right.slope) == pytest.approx((0.0, 1.0), abs=0.06)
    shifted = Recalibration.fit(2 * logit + 1, period, happened, ones)
    assert (shifted.intercept, shifted.slope) == pytest.approx((-0.5, 0.5), abs=0.06)
    nothing = Recalibration.fit(np.empty(0), np.empty(0), np.empty(0), np.empty(0))
    assert (nothing.intercept, nothing.slope, nothing.period_slope) == (0.0, 1.0, 0.0)
