"""The parts of the revenue engine against figures worked out by hand."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_assets.hashing import stable_fraction
from ml_assets.revenue.amounts import AmountDrift
from ml_assets.revenue.calendar import (
    FiscalCalendar,
    day_number,
    pieces_ahead,
    working_time,
)
from ml_assets.revenue.creation import SegmentChances, returning_arrivals, returns_by
from ml_assets.revenue.engine import (
    NEW,
    NO_SHOCKS,
    OPEN,
    Shocks,
    Sources,
    hazard_under,
    simulate,
)
from ml_assets.revenue.hazard import NEVER, WinHazard
from ml_assets.revenue.history import RevenueHistory, backtest_origins
from ml_assets.revenue.intervals import (
    Intervals,
    Miss,
    Outcome,
    Residuals,
    common_shock,
    personal_shock,
    position_in_paths,
)
from ml_assets.revenue.settings import QUANTILES, HazardSettings, RevenueSettings
from ml_assets.revenue.windows import days_ahead, same_days_before, windows_of

QUARTERS = pl.DataFrame(
    {
        "start_date": [date(y, m, 1) for y in (2025, 2026) for m in (1, 4, 7, 10)],
        "end_date": [
            date(y, m, d) for y in (2025, 2026) for m, d in ((3, 31), (6, 30), (9, 30), (12, 31))
        ],
    }
)
FISCAL = FiscalCalendar.of(QUARTERS)
PLAIN = np.ones((1, 41))


def sources(
    win: list[list[float]], amount: list[float], *, single: bool = True, horizons: int = 1
) -> Sources:
    count = len(amount)
    return Sources(
        user_ids=[f"u{number}" for number in range(count)],
        user=np.arange(count),
        part=np.full(count, OPEN if single else NEW),
        is_single=np.full(count, single),
        amount=np.array(amount),
        spread=np.zeros(count, dtype=np.int64),
        currency=["USD"] * count,
        win=np.array(win),
        horizons=np.arange(1, horizons + 1) * 30,
    )


def test_one_deal_with_a_known_hazard_has_the_closed_form() -> None:
    """1 - exp(-0.7) = 50.34 % of 1,000, then 1 - exp(-1.4) = 75.34 %."""
    deal = sources([[0.7, 1.4]], [1_000.0], horizons=2)
    assert deal.expected()[0, OPEN].tolist() == pytest.approx([503.41, 753.40], abs=0.01)
    paths = simulate(deal, PLAIN, NO_SHOCKS, 40_000, 1).by_user[0]
    assert paths.mean(axis=1).tolist() == pytest.approx([503.41, 753.40], abs=10)
    assert set(np.unique(paths)) == {0.0, 1_000.0}


def test_deals_to_come_are_won_any_number_of_times() -> None:
    """Two wins of 100 expected: Poisson, so its variance is 2 · 100²."""
    pool = sources([[2.0]], [100.0], single=False)
    assert pool.expected()[0, NEW, 0] == 200.0
    paths = simulate(pool, PLAIN, NO_SHOCKS, 40_000, 1).by_user[0, 0]
    assert paths.mean() == pytest.approx(200, abs=3)
    assert paths.var() == pytest.approx(20_000, rel=0.05)


def test_a_common_shock_moves_everybody_and_a_personal_one_nobody_else() -> None:
    """Rare wins of many: their number varies with the shock's factor, variance exp(s²) - 1."""
    many = sources([[0.1]] * 400, [1.0] * 400)

    def variance(shocks: Shocks) -> float:
        return float(simulate(many, PLAIN, shocks, 3_000, 1).by_user.sum(axis=0)[0].var())

    chance = 400 * (1 - np.exp(-0.1)) * np.exp(-0.1)
    assert variance(NO_SHOCKS) == pytest.approx(chance, rel=0.15)
    assert variance(Shocks(0.0, 0.5)) == pytest.approx(chance, rel=0.15)
    shaken = chance + 36**2 * (np.exp(0.25) - 1)  # 400 times the slope 0.1 · exp(-0.1) of a win
    assert variance(Shocks(0.5, 0.0)) == pytest.approx(shaken, rel=0.25)


@settings(deadline=None, max_examples=25)
@given(
    hazards=st.lists(st.lists(st.floats(0, 2), min_size=3, max_size=3), min_size=1, max_size=6),
    single=st.booleans(),
    shock=st.floats(0, 0.5),
    seed=st.integers(0, 99),
)
def test_paths_never_shrink_with_the_window_and_are_repeated_by_the_seed(
    hazards: list[list[float]], single: bool, shock: float, seed: int
) -> None:
    summed = np.cumsum(np.array(hazards), axis=1).tolist()
    found = sources(summed, [10.0] * len(hazards), single=single, horizons=3)
    paths = simulate(found, PLAIN, Shocks(shock, shock), 60, seed).by_user
    assert (np.diff(paths, axis=1) >= 0).all()
    again = simulate(found, PLAIN, Shocks(shock, shock), 60, seed).by_user
    assert np.array_equal(paths, again)


def test_the_time_ahead_is_cut_at_quarter_ends() -> None:
    """From 20 March: 11 days to the end, of which the pressure begins 5 before; then on to 16."""
    evening = np.array([day_number(date(2026, 3, 20))])
    pieces = pieces_ahead(evening, np.array([16]), FISCAL)
    assert list(zip(pieces.start.tolist(), pieces.stop.tolist(), strict=True)) == [
        (0, 6), (6, 7), (7, 11), (11, 14), (14, 16),
    ]  # fmt: skip


@settings(deadline=None, max_examples=60)
@given(day=st.integers(0, 500), limit=st.integers(0, 98))
def test_pieces_fill_the_time_ahead_without_gaps(day: int, limit: int) -> None:
    evening = np.array([day_number(date(2025, 1, 1)) + day])
    pieces = pieces_ahead(evening, np.array([limit]), FISCAL)
    assert (pieces.stop - pieces.start).sum() == limit
    assert (pieces.start[1:] == pieces.stop[:-1]).all()


def test_weekends_count_little() -> None:
    """Monday 2 March 2026 to Monday 9 March: five days and two of a tenth."""
    monday = day_number(date(2026, 3, 2))
    week = working_time(np.array([monday + 7])) - working_time(np.array([monday]))
    assert week[0] == pytest.approx(5.2)
    saturday = working_time(np.array([monday + 6])) - working_time(np.array([monday + 5]))
    assert saturday[0] == pytest.approx(0.1)


def evenings(count: int, day: date) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "opportunity_id": [f"o{number}" for number in range(count)],
            "as_of_date": [day] * count,
            "close_date": [None] * count,
            "stage_order": [1] * count,
            "forecast_category": ["pipeline"] * count,
            "opportunity_type": ["new"] * count,
            "segment": ["SMB"] * count,
            "days_in_stage": [5] * count,
            "age_days": [5] * count,
            "days_since_any_change": [5] * count,
            "stage_move_count": [0] * count,
            "push_count": [0] * count,
            "amount": [100.0] * count,
        },
        schema_overrides={"close_date": pl.Date},
    )


def test_a_hazard_that_knows_nothing_is_wins_over_working_time() -> None:
    """1,000 like deals, watched for 28 days (20.8 days of work), 104 of them won at the end."""
    day = date(2026, 1, 4)
    won = np.full(1_000, NEVER)
    won[:104] = day_number(day) + 28
    stump = HazardSettings(rounds=1, min_rows=100_000)
    clock = day + timedelta(days=28)
    hazard = WinHazard.fit(evenings(1_000, day), won, clock, FISCAL, stump, 7)
    ahead = hazard.cumulative(evenings(2, day), np.array([7, 28]))
    per_day = 104 / (1_000 * 20.8)
    assert ahead[0].tolist() == pytest.approx([per_day * 5.2, per_day * 20.8], rel=1e-6)
    with pytest.raises(ValueError, match="98 days"):
        hazard.cumulative(evenings(1, day), np.array([120]))
    with pytest.raises(ValueError, match="None of the deals was won"):
        WinHazard.fit(evenings(5, day), np.full(5, NEVER), clock, FISCAL, stump, 7)


def test_a_hazard_is_the_same_after_saving(tmp_path: Path) -> None:
    day = date(2026, 1, 4)
    won = np.full(300, NEVER)
    won[:90] = day_number(day) + np.arange(90) % 40 + 1
    hazard = WinHazard.fit(
        evenings(300, day), won, day + timedelta(days=60), FISCAL, HazardSettings(min_rows=20), 7
    )
    hazard.save(tmp_path)
    again = WinHazard.load(tmp_path)
    deals, horizons = evenings(3, day + timedelta(days=70)), np.array([30, 60, 90])
    assert np.array_equal(hazard.cumulative(deals, horizons), again.cumulative(deals, horizons))
    assert (np.diff(again.cumulative(deals, horizons), axis=1) >= 0).all()


def test_amounts_drift_by_stage_and_are_typical_where_there_is_none() -> None:
    """Proposal: 20 deals of 100 are booked for 130; with 20 imagined at 1 the ratio is 1.15."""
    day = date(2026, 1, 4)
    deals = pl.DataFrame(
        {
            "opportunity_id": [f"o{number}" for number in range(20)],
            "as_of_date": [day] * 20,
            "stage": ["Proposal"] * 20,
            "amount": [100.0] * 20,
        }
    )
    wins = pl.DataFrame(
        {
            "opportunity_id": [f"o{number}" for number in range(20)],
            "closed_date": [date(2026, 1, 20)] * 20,
            "amount": [130.0] * 20,
            "segment": ["SMB"] * 20,
            "opportunity_type": ["new"] * 20,
        }
    )
    drift = AmountDrift.fit(deals, wins)
    asked = pl.DataFrame(
        {
            "stage": ["Proposal", "Discovery", "Proposal", "Proposal"],
            "segment": ["SMB", "SMB", "SMB", "Enterprise"],
            "opportunity_type": ["new"] * 4,
            "amount": [200.0, 200.0, None, None],
        }
    )
    assert drift.expected(asked).tolist() == pytest.approx([230.0, 200.0, 130.0, 130.0])


def closing(key: str, account: str, day: date, amount: float) -> dict[str, object]:
    return {
        "opportunity_id": key, "account_id": account, "opportunity_type": "new", "segment": "SMB",
        "currency_code": "USD", "first_seen_date": day, "is_won": True, "closed_date": day,
        "known_date": day, "undone_date": None, "booked_date": day, "user_id": "u",
        "amount": amount,
    }  # fmt: skip


def test_customers_come_back_when_others_did() -> None:
    """Two wins came back after 40 weeks; the third is 39 weeks old, the fourth is new.

    The hazard of week 40 is smoothed over five weeks, with three in the middle: 2 · 3/9 over the
    at least five that are taken to be at risk.
    """
    origin = date(2026, 1, 1)

    def ago(weeks: int) -> date:
        return origin - timedelta(weeks=weeks)

    closings = pl.DataFrame(
        [
            closing("w1", "a1", ago(60), 100),
            closing("w2", "a2", ago(50), 200),
            closing("w3", "a3", ago(39), 400),
            closing("w4", "a4", ago(1), 800),
            closing("r1", "a1", ago(15), 150),
        ],
        schema_overrides={"undone_date": pl.Date},
    )
    deals = pl.DataFrame(
        {
            "opportunity_id": ["r1", "r2", "r9"],
            "account_id": ["a1", "a2", "a9"],
            "opportunity_type": ["renewal"] * 3,
            "first_seen_date": [ago(20), ago(10), ago(3)],
        }
    )
    history = RevenueHistory(origin, {"closings": closings, "deals": deals})
    found = returns_by(history, origin)
    assert found.unmatched.to_list() == ["r9"]
    assert found.wins["returned_date"].drop_nulls().to_list() == [ago(20), ago(10)]
    assert found.amount_ratio == pytest.approx(1.5)  # r1 brought 150 after w1's 100
    assert found.hazard[40] == pytest.approx(2 * (3 / 9) / 5)
    assert found.hazard[20] == 0

    certain = SegmentChances({}, np.ones((13, 1)))
    expected = returning_arrivals(history, origin, found, certain, np.array([91]))
    assert expected.sources["opportunity_id"].to_list() == ["w3"]
    assert expected.sources["amount"].to_list() == [600.0]
    stays = np.prod([1 - found.hazard[week] for week in range(39, 52)])
    assert expected.wins[0, 0] == pytest.approx(1 - stays)


def test_shocks_widen_the_paths_and_leave_their_mean() -> None:
    """A deal that is likely to be won: luck can take more from it than it can add."""
    deal = sources([[0.5, 2.0, 30.0]] * 50, [1.0] * 50, horizons=3)
    shaken = simulate(deal, PLAIN, Shocks(0.3, 0.5), 4_000, 1).by_user.sum(axis=0)
    expected = 50 * -np.expm1(-np.array([0.5, 2.0, 30.0]))
    assert shaken.mean(axis=1).tolist() == pytest.approx(expected.tolist(), rel=0.01)
    # by hand: averaged over exp(0.6 z - 0.18), the raised hazard has the chance of 2.0
    raised = float(hazard_under(np.array([2.0]), Shocks(0.0, 0.6))[0])
    drawn = np.exp(0.6 * np.random.default_rng(3).standard_normal(400_000) - 0.18)
    assert np.exp(-raised * drawn).mean() == pytest.approx(np.exp(-2.0), rel=0.01)
    assert raised > 2.0
    assert hazard_under(np.array([2.0]), NO_SHOCKS).tolist() == [2.0]


def outcome(
    miss: Miss | None = None,
    reps: Residuals | None = None,
    positions: dict[str, np.typing.NDArray[np.float64]] | None = None,
) -> Outcome:
    nobody = Residuals(np.zeros(0), np.zeros(0), np.zeros(0))
    return Outcome(date(2026, 1, 1), miss, reps or nobody, positions or {})


def test_the_common_shock_is_what_chance_and_persons_do_not_explain() -> None:
    """Four origins of four windows missed by 0.3; chance explains a variance of 0.04, persons
    exp(0.4²) - 1 times 0.06; the default is 0.12."""
    missed = [outcome(Miss(0.3, 0.04, 0.06))] * 16
    excess = 0.09 - 0.04 - 0.06 * (np.exp(0.16) - 1)
    expected = np.sqrt((4 * 0.12**2 + 4 * excess) / 8)
    assert common_shock(missed, 0.4, RevenueSettings()) == pytest.approx(expected)
    assert common_shock([], 0.4, RevenueSettings()) == pytest.approx(0.12)
    assert common_shock([outcome()], 0.4, RevenueSettings()) == pytest.approx(0.12)
    lucky = [outcome(Miss(0.0, 0.5, 0.0))] * 80
    assert common_shock(lucky, 0.4, RevenueSettings()) == 0.02


def test_the_personal_shock_is_the_likeliest_drawn_to_its_default() -> None:
    """Reps miss by exactly what chance and a shock of 0.6 make: likeliest, and as much evidence
    as the default of 0.4 counts for."""
    chance = np.linspace(1.0, 4.0, 30)
    response = np.full(30, 5.0)
    squared = chance + response * (np.exp(0.36) - 1)
    seen = [outcome(reps=Residuals(squared, chance, response))] * 16
    expected = np.sqrt((4 * 0.16 + 4 * 0.36) / 8)
    assert personal_shock(seen, RevenueSettings()) == pytest.approx(expected)
    calm = [outcome(reps=Residuals(chance / 2, chance, response))] * 16
    assert personal_shock(calm, RevenueSettings()) == pytest.approx(np.sqrt(4 * 0.16 / 8))
    assert personal_shock([], RevenueSettings()) == 0.4


def test_an_outcome_is_placed_among_its_paths() -> None:
    """Two of four paths are below 5; at 0, where half of the paths lie, the lot decides."""
    paths = np.array([[0.0, 0.0, 10.0, 20.0], [0.0, 0.0, 10.0, 20.0]])
    placed = position_in_paths(np.array([5.0, 0.0]), paths, np.array([0.9, 0.5]))
    assert placed.tolist() == [0.5, 0.25]


def test_positions_are_even_whatever_the_mass_at_zero() -> None:
    """Nine reps in ten win nothing, as forecast: intervals that begin at zero hold far more than
    they should, positions exactly what they should."""
    rng = np.random.default_rng(5)

    def draw(*shape: int) -> np.typing.NDArray[np.float64]:
        return np.where(rng.random(shape) < 0.9, 0.0, rng.lognormal(size=shape))

    actual, paths = draw(4_000), draw(4_000, 400)
    lot = stable_fraction([str(number) for number in range(4_000)], "position")
    placed = position_in_paths(actual, paths, lot)
    assert np.quantile(placed, [0.1, 0.25, 0.5, 0.75, 0.9]).tolist() == pytest.approx(
        [0.1, 0.25, 0.5, 0.75, 0.9], abs=0.025
    )
    plain = Intervals.learn([outcome(positions={"rep": placed})], RevenueSettings())
    assert plain.stretch["rep"] == pytest.approx(1.0, abs=0.03)
    low, high = np.quantile(paths, [0.25, 0.75], axis=1)
    assert ((low <= actual) & (actual <= high)).mean() > 0.85
    assert ((placed > 0.25) & (placed < 0.75)).mean() == pytest.approx(0.5, abs=0.025)


def test_levels_of_each_type_move_to_where_they_hold() -> None:
    """Teams vary twice as much as their paths, regions half as much, the company is unknown."""
    rng = np.random.default_rng(2)
    settings = RevenueSettings()

    def outcomes(times: float, count: int) -> np.typing.NDArray[np.float64]:
        return 100.0 + times * 10.0 * rng.standard_normal(count)

    def paths(count: int) -> np.typing.NDArray[np.float64]:
        return 100.0 + 10.0 * rng.standard_normal((count, 1, 800))

    def placed(times: float, count: int) -> np.typing.NDArray[np.float64]:
        return position_in_paths(outcomes(times, count), paths(count)[:, 0], np.zeros(count))

    learnt = Intervals.learn(
        [outcome(positions={"team": placed(2.0, 4_000), "region": placed(0.5, 4_000)})], settings
    )
    assert learnt.stretch["team"] == pytest.approx(2.0, abs=0.06)
    assert learnt.stretch["region"] == pytest.approx(0.5, abs=0.03)
    for node_type, times in (("team", 2.0), ("region", 0.5)):
        quantiles = learnt.quantiles([node_type] * 1_500, paths(1_500))[:, 0]
        came = outcomes(times, 1_500)
        for low, nominal in ((2, 0.5), (1, 0.8)):
            within = (quantiles[:, low] <= came) & (came <= quantiles[:, -1 - low])
            assert within.mean() == pytest.approx(nominal, abs=0.05)
    # a type without outcomes is taken to be like all of them, and one outcome moves little
    assert learnt.stretch["region"] < 1.2 < learnt.stretch["company"] < 1.6
    once = Intervals.learn([outcome(positions={"team": np.full(4, 0.97)})], settings)
    assert 1.0 < once.stretch["rep"] < once.stretch["team"] < 1.15
    assert Intervals.learn([], settings).levels("rep").tolist() == pytest.approx(list(QUANTILES))


@settings(deadline=None, max_examples=25)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=200))
def test_levels_are_in_order_whatever_was_learnt(positions: list[float]) -> None:
    learnt = Intervals.learn([outcome(positions={"team": np.array(positions)})], RevenueSettings())
    assert (np.diff(learnt.levels("team")) > 0).all()
    held = learnt.held("team", np.sort(np.array(positions)))
    assert (np.diff(held) >= 0).all()
    # a level's own position is held at that level, unless further out than can be told apart
    levels = learnt.levels("team")
    inner = (levels > 0.002) & (levels < 0.998)
    assert learnt.held("team", levels)[inner] == pytest.approx(np.array(QUANTILES)[inner])


def test_windows_of_an_evening() -> None:
    windows = windows_of(date(2026, 2, 1), FISCAL, RevenueSettings())
    assert [(w.name, w.start, w.end) for w in windows] == [
        ("30", date(2026, 2, 2), date(2026, 3, 3)),
        ("fiscal_quarter", date(2026, 1, 1), date(2026, 3, 31)),
        ("60", date(2026, 2, 2), date(2026, 4, 2)),
        ("90", date(2026, 2, 2), date(2026, 5, 2)),
    ]
    assert days_ahead(windows).tolist() == [30, 58, 60, 90]
    last = windows_of(date(2026, 3, 31), FISCAL, RevenueSettings())
    assert (last[0].name, last[0].days) == ("fiscal_quarter", 0)
    with pytest.raises(ValueError, match="no fiscal quarter"):
        windows_of(date(2030, 1, 1), FISCAL, RevenueSettings())


def test_the_same_day_of_earlier_quarters() -> None:
    assert same_days_before(date(2025, 8, 31), FISCAL) == [date(2025, 6, 1), date(2025, 3, 3)]
    assert same_days_before(date(2025, 6, 30), FISCAL) == [date(2025, 3, 31)]


def test_origins_are_first_days_of_months_whose_windows_are_over() -> None:
    found = backtest_origins(date(2025, 1, 1), date(2026, 6, 28), RevenueSettings(max_origins=3))
    assert found == [date(2026, 1, 1), date(2026, 2, 1), date(2026, 3, 1)]
    young = backtest_origins(date(2025, 12, 1), date(2026, 6, 28), RevenueSettings())
    assert young == []
    assert backtest_origins(None, date(2026, 6, 28), RevenueSettings()) == []
