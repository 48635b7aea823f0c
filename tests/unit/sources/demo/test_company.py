"""The company at full size is plausible: bounds around what the documentation promises."""

import numpy as np
import polars as pl
import pytest

from orchestration.sources.demo import finance
from orchestration.sources.demo.clock import (
    DAY,
    START_DAY,
    START_TS,
    month_start,
    quarter_ends,
)
from orchestration.sources.demo.company import AE, BDR, SE, build_company, headcount
from orchestration.sources.demo.exports.book import Book
from orchestration.sources.demo.market import COUNTRY_CURRENCY

END = month_start(24)
USD = np.array([1.0, 1.08, 1.27, 1 / 156, 0.66])  # about; by currency


@pytest.fixture(scope="module")
def deals(full_world: Book) -> pl.DataFrame:
    """The last state of every deal by the end, with type, segment and about its dollars."""
    store = full_world.world.deals.opportunities
    last = (
        full_world.true_states.filter(pl.col("moment") < END * DAY)
        .group_by("opportunity", maintain_order=True)
        .last()
    )
    rows = last["opportunity"].to_numpy()
    rate = pl.Series(USD[COUNTRY_CURRENCY[store["country"][rows]]])
    return last.with_columns(
        usd=pl.col("amount").fill_nan(None) * rate,
        kind=pl.Series(store["kind"][rows]),
        segment=pl.Series(store["segment"][rows]),
        day=pl.col("stage_moment") // DAY,
    ).filter(~pl.col("deleted"))


@pytest.fixture(scope="module")
def won(deals: pl.DataFrame) -> pl.DataFrame:
    return deals.filter((pl.col("stage") == 6) & (pl.col("day") >= START_DAY))


@pytest.fixture(scope="module")
def quotas(full_world: Book) -> pl.DataFrame:
    """The last version of every quota of the 24 months."""
    return (
        finance.quotas(full_world.company, 7)
        .filter(pl.col("starts").is_between(START_DAY, END - 1))
        .sort("moment")
        .group_by("serial")
        .last()
    )


def test_volumes_are_as_documented(full_world: Book):
    world = full_world.world
    accounts, contacts, leads = world.market.accounts, world.market.contacts, world.demand.leads
    assert (accounts["created"] < END * DAY).sum() == pytest.approx(4_000, rel=0.1)
    assert (contacts["created"] < END * DAY).sum() == pytest.approx(12_000, rel=0.1)
    known = full_world.is_known_lead & (leads["created"] < END * DAY)
    assert known.sum() == pytest.approx(20_000, rel=0.1)


def test_opportunities_are_as_many_as_documented(deals: pl.DataFrame):
    assert deals.height == pytest.approx(7_000, rel=0.1)


def test_about_sixty_people_sell_and_some_come_and_go(full_world: Book):
    company = full_world.company
    start = (company.hired < START_TS) & (company.left >= START_TS)
    ever = (company.hired < END * DAY) & (company.left >= START_TS)
    gone = ever & (company.left < END * DAY)
    assert 50 <= start.sum() <= 62
    assert 8 <= gone.sum() <= 25
    assert (ever & (company.hired >= START_TS)).sum() >= gone.sum() - 4
    roles = np.array(company.users.function)[start]
    assert set(roles) >= {AE, BDR, SE, 3, 4, 7}


def test_a_small_company_has_all_roles_a_leaver_and_a_hire():
    assert 12 <= sum(headcount(0.05).values()) <= 14
    company = build_company(7, 0.05)
    executives = np.array(company.users.function) == AE
    left = company.left[executives]
    assert ((left > START_TS) & (left < START_TS + 365 * DAY)).any()
    hired = company.hired[executives]
    assert ((hired > START_TS) & (hired < END * DAY)).any()


def test_every_seat_has_an_owner_in_office_at_every_time(full_world: Book):
    company = full_world.company
    rng = np.random.default_rng(1)
    seats = rng.integers(0, len(company.seats), 20_000)
    moments = rng.integers(START_TS, END * DAY, 20_000)
    opened = np.array([seat.opened for seat in company.seats])
    seats, moments = seats[opened[seats] <= moments], moments[opened[seats] <= moments]
    owner = company.owner(seats, moments)
    assert (company.hired[owner] <= moments).all()
    assert (company.left[owner] >= moments).all()


def test_one_deal_in_four_is_won(deals: pl.DataFrame):
    closed = deals.filter((pl.col("stage") >= 6) & (pl.col("day") >= START_DAY))
    rates = dict(closed.group_by("kind").agg((pl.col("stage") == 6).mean()).iter_rows())
    assert 0.20 <= closed.select((pl.col("stage") == 6).mean()).item() <= 0.30
    assert rates[0] < rates[1] < rates[2]
    assert 0.65 <= rates[2] <= 0.90


def test_account_executives_reach_their_quotas_within_reason(
    won: pl.DataFrame, quotas: pl.DataFrame
):
    bookings = won.group_by("owner").agg(pl.col("usd").sum())
    amounts = quotas.filter(pl.col("amount") > 0).group_by("user").agg(pl.col("amount").sum())
    both = amounts.join(bookings, left_on="user", right_on="owner", how="left").fill_null(0)
    assert 0.70 <= both["usd"].sum() / both["amount"].sum() <= 1.10
    attainment = both["usd"] / both["amount"]
    assert attainment.std() > 0.2  # type: ignore[operator]
    assert 0.1 <= (attainment >= 1.0).mean() <= 0.5  # type: ignore[operator]


def test_a_full_quota_is_two_millions_on_average_and_starts_lower_for_hires(
    full_world: Book, quotas: pl.DataFrame
):
    veterans = full_world.company.hired < START_TS - 270 * DAY
    executives = quotas.filter(pl.col("amount").is_not_null())
    by_user = executives.filter(pl.Series(veterans[executives["user"].to_numpy()]))
    assert by_user["amount"].mean() * 4 == pytest.approx(2_000_000, rel=0.06)  # type: ignore[operator]
    hires = executives.filter(pl.Series(~veterans[executives["user"].to_numpy()]))
    assert hires["amount"].min() < 0.35 * by_user["amount"].min()  # type: ignore[operator]
    assert quotas["quantity"].max() == 20


def test_bdrs_qualify_about_as_many_opportunities_as_asked(full_world: Book, quotas: pl.DataFrame):
    store = full_world.world.deals.opportunities
    at = store["handed_over"]
    qualified = ((store["bdr_seat"] >= 0) & (at >= START_TS) & (at < END * DAY)).sum()
    assert 0.65 <= qualified / quotas["quantity"].sum() <= 1.05


def test_closings_peak_at_the_end_of_quarters_and_demand_has_seasons(
    full_world: Book, won: pl.DataFrame
):
    day = won["day"].to_numpy()
    assert 0.28 <= ((quarter_ends(day) - day) < 14).mean() <= 0.50
    created = full_world.world.demand.leads["created"] // DAY
    months = np.array(
        [((created >= month_start(m)) & (created < month_start(m + 1))).sum() for m in range(24)]
    )
    december, october = months[[5, 17]].mean(), months[[3, 15]].mean()
    assert december < 0.8 * october


def test_segments_differ_in_size_and_duration(full_world: Book, won: pl.DataFrame):
    store = full_world.world.deals.opportunities
    created = pl.Series(store["created"][won["opportunity"].to_numpy()] // DAY)
    new = won.with_columns(days=pl.col("day") - created).filter(pl.col("kind") == 0)
    medians = new.group_by("segment").agg(pl.col("usd", "days").median()).sort("segment")
    assert medians["usd"].is_sorted()
    assert medians["days"].is_sorted()
    assert 8_000 < medians["usd"][0] < 20_000 and medians["usd"][2] > 100_000
    assert medians["days"][0] > 30 and medians["days"][2] < 200


def test_deals_skip_return_reopen_slip_and_change_hands(full_world: Book):
    states = full_world.true_states.filter(pl.col("moment") < END * DAY)
    stage = pl.col("stage")
    before = stage.shift(1).over("opportunity")
    moved = states.with_columns(before=before).filter(
        stage.ne(before) & before.is_not_null() & (stage < 6)
    )
    jumps = moved.select(
        skips=((stage - pl.col("before") >= 2) & (pl.col("before") < 6)).sum(),
        returns=(stage < pl.col("before")).sum(),
        reopened=(pl.col("before") >= 6).sum(),
    )
    assert all(jumps[column].item() > 100 for column in jumps.columns)
    pushes = states.group_by("opportunity").agg(pl.col("pushes").last())["pushes"]
    assert (pushes >= 3).sum() > 100
    assert 0.2 < (pushes >= 1).mean() < 0.6  # type: ignore[operator]
    store = full_world.world.deals.opportunities
    later = states.filter(
        (pl.col("moment") > pl.Series(store["handed_over"][states["opportunity"].to_numpy()]))
        & (pl.col("owner") != pl.col("owner").shift(1).over("opportunity"))
    )
    assert later["opportunity"].n_unique() > 30


def test_the_first_quarter_begins_with_open_deals(full_world: Book):
    states = full_world.true_states.filter(pl.col("moment") < START_TS)
    last = states.group_by("opportunity", maintain_order=True).last()
    assert (last["stage"] < 6).all() or (last.filter(pl.col("stage") >= 6).height < 20)
    assert 200 < last.height < 900
    assert states["moment"].min() >= START_TS - 181 * DAY  # type: ignore[operator]


def test_exchange_rates_are_monthly_and_plausible():
    rates = finance.exchange_rates(7).filter(pl.col("month").is_between(0, 23))
    bounds = {0: (1, 1), 1: (0.75, 1.15), 2: (0.65, 0.95), 3: (120, 200), 4: (1.2, 1.9)}
    for currency, (low, high) in bounds.items():
        series = rates.filter(pl.col("currency") == currency)["rate"]
        assert series.len() == 24
        assert low <= series.min() and series.max() <= high  # type: ignore[operator]
    assert (rates["ends"] - rates["starts"]).is_between(28, 31).all()
