"""The simulation month by month: who is born when, and what follows from what was won.

Later months see earlier ones, never the other way round.
"""

from dataclasses import dataclass

import numpy as np

from orchestration.sources.demo.clock import (
    DAY,
    FIRST_MONTH,
    NEVER,
    START_TS,
    WARM_UP_TS,
    growth,
    month_start,
    months_of,
    season,
    working_moment,
)
from orchestration.sources.demo.company import BDR, Company, build_company
from orchestration.sources.demo.deals import (
    EXPANSION,
    NEW,
    RENEWAL,
    SEGMENT_SIZE,
    Deals,
    add_opportunities,
    new_deals,
)
from orchestration.sources.demo.demand import (
    CONVERTED,
    Demand,
    add_campaigns,
    add_duplicate_leads,
    add_leads,
    new_demand,
)
from orchestration.sources.demo.market import (
    BASE_CUSTOMERS,
    COUNTRY_OFFSET,
    Market,
    add_base,
    add_near_duplicates,
    append_accounts,
    append_contacts,
    choose_seats,
    new_market,
)
from orchestration.sources.demo.stakeholders import Stakeholders, add_stakeholders, new_stakeholders
from orchestration.sources.demo.streams import Array, Ints, stream

OUTBOUND_PER_MONTH = 128
_SOURCE_OUTBOUND, _SOURCE_CUSTOMER = 7, 8
_YEAR = 365 * DAY


@dataclass(frozen=True)
class World:
    """Everything that happened, whole months, up to and including `last_month`."""

    seed: int
    scale: float
    last_month: int
    company: Company
    market: Market
    demand: Demand
    deals: Deals
    stakeholders: Stakeholders


def simulate(seed: int, scale: float, last_month: int) -> World:
    """Live through the months from the warm-up to `last_month`."""
    company = build_company(seed, scale)
    world = World(
        seed, scale, last_month, company, new_market(), new_demand(), new_deals(),
        new_stakeholders(),
    )  # fmt: skip
    add_base(world.market, company, seed, scale)
    _base_customers(world)
    for month in range(FIRST_MONTH, last_month + 1):
        _live_month(world, month)
    return world


def _live_month(world: World, month: int) -> None:
    seed, market = world.seed, world.market
    known_accounts, known_contacts = len(market.accounts), len(market.contacts)
    first_month = month == FIRST_MONTH
    add_campaigns(world.demand, seed, world.scale, month)
    leads = add_leads(world.demand, market, world.company, seed, world.scale, month)
    add_duplicate_leads(world.demand, seed, month, leads)
    births = [_from_leads(world, month), _outbound(world, month), *world.deals.due.pop(month, [])]
    births = [b for b in births if len(b["created"])]
    if births:
        merged = {name: np.concatenate([b[name] for b in births]) for name in births[0]}
        order = np.argsort(merged["created"], kind="stable")
        merged = {name: values[order] for name, values in merged.items()}
        numbers = add_opportunities(world.deals, market, world.company, seed, month, merged)
        with_lead = numbers[merged["lead"] >= 0]
        lead = world.deals.opportunities["lead"][with_lead]
        world.demand.leads["to_opportunity"][lead] = with_lead
        add_stakeholders(world.stakeholders, world.deals, market, seed, month, numbers)
        _follow_ups(world, month, numbers)
    start_accounts = 0 if first_month else known_accounts
    start_contacts = 0 if first_month else known_contacts
    add_near_duplicates(
        market, seed, month,
        np.arange(start_accounts, len(market.accounts)),
        np.arange(start_contacts, len(market.contacts)),
    )  # fmt: skip


def _from_leads(world: World, month: int) -> dict[str, Array]:
    """Leads that convert in this month become account, contact and, mostly, opportunity."""
    leads, market = world.demand.leads, world.market
    rng = stream(world.seed, month, "conversions")
    start, end = month_start(month) * DAY, month_start(month + 1) * DAY
    rows = np.flatnonzero(
        (leads["outcome"] == CONVERTED) & (leads["end"] >= start) & (leads["end"] < end)
    )
    rows = rows[np.argsort(leads["end"][rows], kind="stable")]
    fresh = rows[leads["account"][rows] < 0]
    place = {
        c: leads[c][fresh]
        for c in ("name", "segment", "region", "country", "industry", "employees")
    }
    made = append_accounts(
        market, world.company, rng, **place, created=leads["end"][fresh], seats_at=start,
        source=leads["source"][fresh],
    )  # fmt: skip
    market.accounts["fit"][made] = leads["fit"][fresh]
    leads["to_account"][rows] = leads["account"][rows]
    leads["to_account"][fresh] = made
    leads["to_contact"][rows] = append_contacts(
        market, rng, leads["to_account"][rows], leads["end"][rows], first=leads["first"][rows],
        last=leads["last"][rows], title=leads["title"][rows], lead=rows,
        source=leads["source"][rows],
    )  # fmt: skip
    chosen = rows[rng.random(len(rows)) < 0.94]
    return {
        "created": leads["end"][chosen],
        "account": leads["to_account"][chosen],
        "kind": np.full(len(chosen), NEW),
        "lead": chosen,
        "campaign": leads["campaign"][chosen],
        "source": leads["source"][chosen],
        "bdr_seat": leads["seat"][chosen],
        "contact": leads["to_contact"][chosen],
        "list_value": np.zeros(len(chosen)),
        "fit": leads["fit"][chosen],
        "engagement": leads["intent"][chosen],
    }


def _outbound(world: World, month: int) -> dict[str, Array]:
    """Opportunities that BDRs (most) and account executives open by themselves."""
    rng = stream(world.seed, month, "outbound")
    accounts = world.market.accounts
    start, days = month_start(month) * DAY, month_start(month + 1) - month_start(month)
    rows = int(rng.poisson(OUTBOUND_PER_MONTH * world.scale * season(month) * growth(month)))
    pool = np.flatnonzero(
        (accounts["created"] < start)
        & (accounts["merged"] > start + 40 * DAY)
        & (accounts["deleted"] == NEVER)
        & (accounts["customer_from"] >= start)
    )
    weight = np.exp(0.35 * accounts["fit"][pool])
    account = rng.choice(pool, rows, p=weight / weight.sum())
    moment = start + rng.integers(0, days * DAY, rows)
    offset = COUNTRY_OFFSET[accounts["country"][account]]
    created = working_moment(rng, moment, offset, np.full(rows, start))
    created = np.minimum(created, start + days * DAY - 1)
    region, segment = accounts["region"][account], accounts["segment"][account]
    seat = choose_seats(rng, world.company, BDR, region, segment, start)
    return {
        "created": created,
        "account": account,
        "kind": np.full(rows, NEW),
        "lead": np.full(rows, -1),
        "campaign": np.full(rows, -1),
        "source": np.full(rows, _SOURCE_OUTBOUND),
        "bdr_seat": np.where(rng.random(rows) < 0.85, seat, -1),
        "contact": np.full(rows, -1),
        "list_value": np.zeros(rows),
        "fit": np.zeros(rows),
        "engagement": np.zeros(rows),
    }


def _base_customers(world: World) -> None:
    """Some accounts are customers on the first day: their renewals and expansions follow."""
    rng = stream(world.seed, -1, "base customers")
    accounts = world.market.accounts
    known = np.flatnonzero(accounts["created"] < START_TS - 90 * DAY)
    known = known[accounts["deleted"][known] == NEVER]
    rows = rng.choice(known, max(3, round(len(known) * BASE_CUSTOMERS)), replace=False)
    rows.sort()
    since = START_TS - rng.integers(5, 360, len(rows)) * DAY
    accounts["customer_from"][rows] = np.maximum(since, accounts["created"][rows] + DAY)
    medians = SEGMENT_SIZE[accounts["segment"][rows]]
    value = medians * np.exp(0.6 * rng.normal(size=len(rows)))
    _schedule_renewals(world, rng, rows, since, value, FIRST_MONTH - 1)
    _schedule_expansions(world, rng, rows, np.full(len(rows), START_TS - 120 * DAY), value)


def _follow_ups(world: World, month: int, numbers: Ints) -> None:
    """Won deals make customers, whose renewals and expansions are scheduled for later months."""
    rng = stream(world.seed, month, "follow-ups")
    store, accounts = world.deals.opportunities, world.market.accounts
    won = numbers[(store["outcome"][numbers] == 1) & (store["deleted"][numbers] == NEVER)]
    account, closed = store["account"][won], store["closed"][won]
    np.minimum.at(accounts["customer_from"], account, closed)
    contract = won[store["kind"][won] != EXPANSION]
    _schedule_renewals(
        world, rng, store["account"][contract], store["closed"][contract],
        store["list_value"][contract], month,
    )  # fmt: skip
    _schedule_expansions(world, rng, account, closed, store["list_value"][won])


def _schedule_renewals(
    world: World, rng: np.random.Generator, account: Ints, begun: Ints, value: Array, month: int
) -> None:
    """A renewal opens 90 days before the end of a one-year (three in four) or two-year term."""
    years = np.where(rng.random(len(account)) < 0.65, 1, 2)
    opens = begun + years * _YEAR - 90 * DAY + rng.integers(-12, 12, len(account)) * DAY
    renewed = value * np.exp(rng.normal(0.03, 0.12, len(account)))
    _schedule(world, rng, account, opens, renewed, RENEWAL, month)


def _schedule_expansions(
    world: World, rng: np.random.Generator, account: Ints, since: Ints, value: Array
) -> None:
    """Customers look for more about once in two years, 60 days after a purchase at the earliest."""
    counts = rng.poisson(0.42, len(account))
    rows = np.repeat(np.arange(len(account)), counts)
    opens = since[rows] + rng.integers(60, 480, len(rows)) * DAY
    share = np.exp(rng.normal(-0.9, 0.5, len(rows)))
    _schedule(world, rng, account[rows], opens, value[rows] * share, EXPANSION, FIRST_MONTH - 1)


def _schedule(
    world: World,
    rng: np.random.Generator,
    account: Ints,
    opens: Ints,
    value: Array,
    kind: int,
    after_month: int,
) -> None:
    """Put opportunities of customers into the months in which they open."""
    offset = COUNTRY_OFFSET[world.market.accounts["country"][account]]
    created = working_moment(rng, opens, offset, opens)
    months = months_of(created // DAY)
    rows = len(account)
    births: dict[str, Array] = {
        "created": created,
        "account": account,
        "kind": np.full(rows, kind),
        "lead": np.full(rows, -1),
        "campaign": np.full(rows, -1),
        "source": np.full(rows, _SOURCE_CUSTOMER),
        "bdr_seat": np.full(rows, -1),
        "contact": np.full(rows, -1),
        "list_value": value,
        "fit": np.full(rows, 0.4),
        "engagement": np.full(rows, 0.3),
    }
    for month in np.unique(months):
        if month >= FIRST_MONTH and month > after_month and created.min() >= 0:
            chosen = (months == month) & (created >= WARM_UP_TS)
            part = {name: values[chosen] for name, values in births.items()}
            world.deals.due.setdefault(int(month), []).append(part)
