"""Demand: campaigns, and leads with their whole life up to conversion or rejection.

A lead's hidden fit and intent decide whether it converts; an opportunity inherits them. On the way
some leads go back to nurture and come again; when they do is drawn without a look at how they end.
"""

from dataclasses import dataclass

import numpy as np

from orchestration.sources.demo import vocabulary as words
from orchestration.sources.demo.clock import (
    DAY,
    HOUR,
    NEVER,
    growth,
    month_start,
    season,
    working_moment,
)
from orchestration.sources.demo.company import BDR, Company
from orchestration.sources.demo.market import (
    COUNTRY_OFFSET,
    SEGMENT_SHARE,
    Market,
    choose_seats,
    company_fit,
    draw_places,
    draw_size,
    entered_later,
    merge_moments,
)
from orchestration.sources.demo.rates import RATES
from orchestration.sources.demo.store import Store
from orchestration.sources.demo.streams import Array, Ints, every, stream

LEADS_PER_MONTH = 790
CAMPAIGNS_PER_MONTH = 4
OPEN, CONVERTED, REJECTED = range(3)
RECYCLED_SHARE, RETURNING_SHARE = 0.35, 0.65
_SOURCE_SHARE = (0.27, 0.13, 0.12, 0.16, 0.14, 0.06, 0.02, 0.10)
_SOURCE_EFFECT = np.array([0.25, 0.1, 0.0, -0.1, -0.55, 0.9, 1.1, -0.35])
_CAMPAIGN_OF_SOURCE = {1: 0, 2: 2, 3: 3, 4: 4, 5: 5}
_CAMPAIGN_COST = (9_000.0, 3_000.0, 42_000.0, 26_000.0, 14_000.0, 6_000.0)


@dataclass(frozen=True)
class Demand:
    """Campaigns and leads of all months so far."""

    campaigns: Store
    leads: Store


def new_demand() -> Demand:
    """No campaigns and no leads yet."""
    campaigns = Store(
        kind=np.int64, created=np.int64, starts=np.int64, ends=np.int64, budget=np.float64,
        cost=np.float64, serial=np.int64,
    )  # fmt: skip
    leads = Store(
        created=np.int64, region=np.int64, country=np.int64, segment=np.int64, industry=np.int64,
        employees=np.int64, name=np.int64, account=np.int64, first=np.int64, last=np.int64,
        title=np.int64, source=np.int64, campaign=np.int64, seat=np.int64, fit=np.float64,
        intent=np.float64, rating=np.int64, working=np.int64, end=np.int64, outcome=np.int64,
        origin=np.int64, merged=np.int64, deleted=np.int64, interest=np.int64,
        to_account=np.int64, to_contact=np.int64, to_opportunity=np.int64,
        recycled=np.int64, returned=np.int64, reworked=np.int64,
    )  # fmt: skip
    return Demand(campaigns, leads)


def add_campaigns(demand: Demand, seed: int, scale: float, month: int) -> None:
    """Campaigns planned in this month, to start three to six weeks later; kinds take turns."""
    rng = stream(seed, month, "campaigns")
    serial = np.arange(CAMPAIGNS_PER_MONTH) + (month + 60) * CAMPAIGNS_PER_MONTH
    kind = serial % len(words.CAMPAIGN_TYPES)
    created = month_start(month) + rng.integers(0, 16, len(serial))
    starts = created + rng.integers(20, 45, len(serial))
    budget = np.round(np.array(_CAMPAIGN_COST)[kind] * max(scale, 0.2), -2)
    demand.campaigns.append(
        len(serial),
        kind=kind, created=created * DAY + 9 * HOUR, starts=starts,
        ends=starts + rng.integers(25, 60, len(serial)), budget=budget,
        cost=np.round(budget * rng.uniform(0.7, 1.25, len(serial)), 2), serial=serial,
    )  # fmt: skip


def add_leads(
    demand: Demand, market: Market, company: Company, seed: int, scale: float, month: int
) -> Ints:
    """This month's leads with their whole lives; returns their numbers."""
    rng = stream(seed, month, "leads")
    leads = demand.leads
    rows = int(rng.poisson(LEADS_PER_MONTH * scale * season(month) * growth(month)))
    serial = len(leads) + np.arange(rows)
    region, country = draw_places(rng, rows)
    segment = rng.choice(3, rows, p=SEGMENT_SHARE)
    industry = rng.integers(0, len(words.INDUSTRIES), rows)
    employees, _ = draw_size(rng, segment)
    fit = company_fit(rng, industry, segment)
    account = _known_accounts(rng, market, month, rows)
    traits: dict[str, Array] = {
        "region": region, "country": country, "segment": segment, "industry": industry,
        "employees": employees, "fit": fit, "name": 2 * serial + 1,
    }  # fmt: skip
    for trait, values in traits.items():
        traits[trait] = np.where(account >= 0, market.accounts[trait][account], values)
    days = month_start(month + 1) - month_start(month)
    moment = month_start(month) * DAY + rng.integers(0, days * DAY, rows)
    offset = COUNTRY_OFFSET[traits["country"]]
    inbound = rng.random(rows) < 0.35  # forms are filled in at any hour
    at_work = working_moment(rng, moment, offset, np.full(rows, month_start(month) * DAY))
    created = np.where(inbound, moment, at_work)
    source = rng.choice(8, rows, p=_SOURCE_SHARE)
    seat = choose_seats(rng, company, BDR, traits["region"], traits["segment"], int(moment.min()))
    intent = rng.normal(size=rows)
    life = _life(rng, company, created, seat, offset, traits["fit"], intent, source)
    warmth = 0.7 * intent + 0.4 * traits["fit"] + 0.8 * rng.normal(size=rows)
    numbers = leads.append(
        rows,
        **traits, **life, created=created, account=account, source=source, seat=seat,
        first=rng.integers(0, len(words.FIRST_NAMES), rows),
        last=rng.integers(0, len(words.LAST_NAMES), rows),
        title=rng.integers(0, len(words.TITLES), rows),
        campaign=_campaign_of(rng, demand, source, created // DAY), intent=intent,
        rating=np.digitize(warmth, [-0.4, 0.8]), origin=-1, merged=NEVER, deleted=NEVER,
        interest=rng.integers(0, len(words.PRODUCTS), rows),
        to_account=-1, to_contact=-1, to_opportunity=-1,
        **_recycling(seed, month, life["working"], life["end"], offset),
    )  # fmt: skip
    _mark_deleted(rng, leads, numbers)
    return numbers


def add_duplicate_leads(demand: Demand, seed: int, month: int, numbers: Ints) -> None:
    """The same people entered again with their address in capitals; half are merged later."""
    rng = stream(seed, month, "duplicate leads")
    leads = demand.leads
    rate = RATES["near_duplicate_lead"]
    doubled = numbers[every(numbers, rate, 7) & (leads["deleted"][numbers] == NEVER)]
    same = (
        "region", "country", "segment", "industry", "employees", "name", "account", "first",
        "last", "title", "source", "campaign", "seat", "fit", "intent", "rating", "interest",
    )  # fmt: skip
    created = entered_later(rng, leads["created"][doubled], month_start(month))
    merged = merge_moments(rng, doubled, created, rate)
    leads.append(
        len(doubled),
        **{column: leads[column][doubled] for column in same},
        created=created, working=NEVER, end=NEVER, outcome=OPEN, origin=doubled, merged=merged,
        deleted=NEVER, to_account=-1, to_contact=-1, to_opportunity=-1,
        recycled=NEVER, returned=NEVER, reworked=NEVER,
    )  # fmt: skip


def _known_accounts(rng: np.random.Generator, market: Market, month: int, rows: int) -> Ints:
    """For three leads in ten the account that they belong to, for the others -1."""
    accounts = market.accounts
    pool = np.flatnonzero(
        (accounts["created"] < month_start(month) * DAY)
        & (accounts["origin"] < 0)
        & (accounts["deleted"] == NEVER)
    )
    if not len(pool):
        return np.full(rows, -1, dtype=np.int64)
    return np.where(rng.random(rows) < 0.3, rng.choice(pool, rows), -1)


def _life(
    rng: np.random.Generator,
    company: Company,
    created: Ints,
    seat: Ints,
    offset: Array,
    fit: Array,
    intent: Array,
    source: Array,
) -> dict[str, Ints]:
    """First contact, end and outcome; better reps answer sooner."""
    rows = len(created)
    skill = company.skill[company.owner(seat, created)]
    score = -2.28 + 0.55 * fit + 0.85 * intent + _SOURCE_EFFECT[source] + 0.12 * skill
    converts = rng.random(rows) < 1 / (1 + np.exp(-score))
    drifts = rng.random(rows) < 0.12
    wait = rng.exponential(16 * HOUR * np.exp(-0.25 * skill)).astype(np.int64)
    working = working_moment(rng, created + wait, offset, created)
    to_convert = np.exp(rng.normal(2.0, 0.7, rows)) * np.exp(-0.15 * intent)
    to_reject = rng.gamma(2.0, 13.0, rows)
    duration = (np.where(converts, to_convert, to_reject) * DAY).astype(np.int64)
    end = working_moment(rng, working + duration, offset, working + HOUR)
    outcome = np.where(converts, CONVERTED, np.where(drifts, OPEN, REJECTED))
    return {
        "working": working,
        "end": np.where(outcome == OPEN, NEVER, end),
        "outcome": outcome.astype(np.int64),
    }


def _recycling(seed: int, month: int, working: Ints, end: Ints, offset: Array) -> dict[str, Ints]:
    """When leads go back to nurture, are qualified by marketing again and are taken up again.

    The waits are drawn for every lead alike, and what would come after its end does not happen: a
    recycled lead tells no more about its outcome than that it was still undecided then.
    """
    rng = stream(seed, month, "recycled leads")
    rows = len(working)
    waits = (rng.gamma(2.0, 7.0, rows), rng.gamma(2.0, 6.0, rows), 1.0 + rng.gamma(2.0, 0.6, rows))
    happens = (rng.random(rows) < RECYCLED_SHARE, rng.random(rows) < RETURNING_SHARE, True)
    moments: list[Ints] = []
    before, goes_on = working, np.ones(rows, dtype=bool)
    for wait, one_happens in zip(waits, happens, strict=True):
        at = working_moment(rng, before + (wait * DAY).astype(np.int64), offset, before + HOUR)
        goes_on = goes_on & one_happens & (at < end)
        moments.append(np.where(goes_on, at, NEVER))
        before = np.where(goes_on, at, before)
    return dict(zip(("recycled", "returned", "reworked"), moments, strict=True))


def _campaign_of(rng: np.random.Generator, demand: Demand, source: Array, day: Array) -> Ints:
    """For most leads of a campaign's source the latest campaign of that kind, else -1."""
    campaigns = demand.campaigns
    result = np.full(len(source), -1, dtype=np.int64)
    for number, kind in _CAMPAIGN_OF_SOURCE.items():
        rows = np.flatnonzero((source == number) & (rng.random(len(source)) < 0.85))
        running = np.flatnonzero(campaigns["kind"] == kind)
        if len(rows) and len(running):
            order = running[np.argsort(campaigns["starts"][running], kind="stable")]
            at = np.searchsorted(campaigns["starts"][order], day[rows], side="right") - 1
            result[rows] = np.where(at >= 0, order[np.maximum(at, 0)], -1)
    return result


def _mark_deleted(rng: np.random.Generator, leads: Store, numbers: Ints) -> None:
    """Some unconverted leads are deleted 5 to 90 days after creation (tests, spam)."""
    gone = numbers[
        every(numbers, RATES["deleted_lead"], 3) & (leads["outcome"][numbers] != CONVERTED)
    ]
    leads["deleted"][gone] = leads["created"][gone] + rng.integers(5, 90, len(gone)) * DAY
