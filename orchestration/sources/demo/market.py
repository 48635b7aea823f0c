"""The market: accounts and contacts with their lasting traits, and the near-duplicates among them.

Traits are drawn once, when the record is created. What a rep changes later is in the records.
"""

from dataclasses import dataclass

import numpy as np

from orchestration.sources.demo import vocabulary as words
from orchestration.sources.demo.clock import DAY, NEVER, START_TS, month_start, working_moment
from orchestration.sources.demo.company import AE, Company
from orchestration.sources.demo.rates import RATES
from orchestration.sources.demo.store import Store
from orchestration.sources.demo.streams import (
    Array,
    Floats,
    Ints,
    counts_from,
    every,
    spread,
    stream,
)

BASE_ACCOUNTS = 1_960
BASE_CUSTOMERS = 0.13
SEGMENT_SHARE = (0.50, 0.33, 0.17)
_LOG_HEADS = np.array([3.6, 5.7, 7.9])
_LOG_HEADS_SPREAD = np.array([0.6, 0.5, 0.7])
_HEADS_FROM = np.array([3, 200, 1_001])
_HEADS_TO = np.array([199, 1_000, 60_000])
_REVENUE_PER_HEAD = 190_000.0
_INDUSTRY_FIT = np.array([0.9, 0.7, 0.2, 0.3, -0.1, 0.1, -0.2, -0.3, -0.8, -0.9])
_COUNTRY_REGION = np.array([country[1] for country in words.COUNTRIES])
COUNTRY_CURRENCY = np.array([words.CURRENCIES.index(country[2]) for country in words.COUNTRIES])
COUNTRY_OFFSET = np.array([country[4] for country in words.COUNTRIES])
_COUNTRY_SHARE = np.array([country[3] for country in words.COUNTRIES])


@dataclass(frozen=True)
class Market:
    """Accounts and contacts; `name` numbers a company name, `origin` a record's original."""

    accounts: Store
    contacts: Store


def new_market() -> Market:
    """An empty market with all columns."""
    accounts = Store(
        name=np.int64, variant=np.int64, origin=np.int64, segment=np.int64, region=np.int64,
        country=np.int64, industry=np.int64, employees=np.int64, revenue=np.float64,
        seat=np.int64, created=np.int64, parent=np.int64, fit=np.float64, source=np.int64,
        merged=np.int64, deleted=np.int64, customer_from=np.int64,
    )  # fmt: skip
    contacts = Store(
        account=np.int64, first=np.int64, last=np.int64, title=np.int64, created=np.int64,
        lead=np.int64, source=np.int64, origin=np.int64, merged=np.int64, deleted=np.int64,
    )  # fmt: skip
    return Market(accounts, contacts)


def draw_places(rng: np.random.Generator, rows: int) -> tuple[Ints, Ints]:
    """Regions and countries for new companies or people."""
    region = rng.choice(3, rows, p=[0.52, 0.31, 0.17])
    country = np.zeros(rows, dtype=np.int64)
    for number in range(3):
        chosen = np.flatnonzero(region == number)
        options = np.flatnonzero(number == _COUNTRY_REGION)
        share = _COUNTRY_SHARE[options] / _COUNTRY_SHARE[options].sum()
        country[chosen] = rng.choice(options, len(chosen), p=share)
    return region.astype(np.int64), country


def draw_size(rng: np.random.Generator, segment: Array) -> tuple[Ints, Floats]:
    """Employees and yearly revenue (USD) that suit a segment."""
    employees = np.exp(rng.normal(_LOG_HEADS[segment], _LOG_HEADS_SPREAD[segment]))
    low, high = _HEADS_FROM[segment], _HEADS_TO[segment]
    heads = np.minimum(np.maximum(np.round(employees), low), high).astype(np.int64)
    revenue = heads * _REVENUE_PER_HEAD * np.exp(rng.normal(0, 0.5, len(segment)))
    return heads, np.round(revenue, -4).astype(np.float64)


def company_fit(rng: np.random.Generator, industry: Array, segment: Array) -> Floats:
    """How well a company suits the product: seen in industry and size, the rest is hidden."""
    seen = _INDUSTRY_FIT[industry] + np.array([-0.15, 0.15, 0.1])[segment]
    return 0.75 * seen + 0.75 * rng.normal(size=len(industry))


def choose_seats(
    rng: np.random.Generator,
    company: Company,
    function: int,
    region: Array,
    segment: Array,
    at: int,
) -> Ints:
    """A seat of a function for each row, by region and segment, among those open at `at`."""
    seats = np.zeros(len(region), dtype=np.int64)
    for r in range(3):
        for s in range(3):
            rows = np.flatnonzero((region == r) & (segment == s))
            if len(rows):
                seats[rows] = rng.choice(company.seats_open(function, r, s, at), len(rows))
    return seats


def add_base(market: Market, company: Company, seed: int, scale: float) -> None:
    """The accounts and contacts that the company knew before the first day."""
    rng = stream(seed, -1, "base accounts")
    rows = round(BASE_ACCOUNTS * scale)
    segment = rng.choice(3, rows, p=SEGMENT_SHARE)
    region, country = draw_places(rng, rows)
    industry = rng.integers(0, len(words.INDUSTRIES), rows)
    age = rng.integers(20 * DAY, 1_100 * DAY, rows)
    created = np.sort(working_moment(rng, START_TS - age, COUNTRY_OFFSET[country], START_TS - age))
    numbers = append_accounts(
        market, company, rng,
        name=2 * np.arange(rows), segment=segment, region=region, country=country,
        industry=industry, created=created, seats_at=START_TS - 1,
        source=rng.choice([0, 2, 5, 7], rows),
    )  # fmt: skip
    _link_parents(rng, market, numbers)
    gone = numbers[every(numbers, RATES["deleted_account"], 17)]
    market.accounts["deleted"][gone] = START_TS + rng.integers(20, 500, len(gone)) * DAY + 36_000
    add_contacts(market, rng, numbers, 0.95 + 0.35 * segment)


def append_accounts(
    market: Market,
    company: Company,
    rng: np.random.Generator,
    *,
    name: Array,
    segment: Array,
    region: Array,
    country: Array,
    industry: Array,
    created: Array,
    seats_at: int,
    source: Array,
    employees: Array | None = None,
) -> Ints:
    """New accounts with size, fit and the seat that looks after them; returns their numbers."""
    heads, revenue = draw_size(rng, segment)
    return market.accounts.append(
        len(segment),
        name=name, variant=0, origin=-1, segment=segment, region=region, country=country,
        industry=industry, employees=heads if employees is None else employees, revenue=revenue,
        seat=choose_seats(rng, company, AE, region, segment, seats_at), created=created,
        parent=-1, fit=company_fit(rng, industry, segment), source=source, merged=NEVER,
        deleted=NEVER, customer_from=NEVER,
    )  # fmt: skip


def _link_parents(rng: np.random.Generator, market: Market, numbers: Ints) -> None:
    """One account in nine becomes a subsidiary of a larger, earlier account."""
    accounts = market.accounts
    tops = numbers[(accounts["segment"][numbers] > 0) & (numbers % 9 != 4)]
    children = numbers[(numbers % 9 == 4) & (numbers > 20)]
    if not len(tops):
        return
    chosen = rng.choice(tops, len(children))
    earlier = chosen < children
    accounts["parent"][children[earlier]] = chosen[earlier]


def add_contacts(market: Market, rng: np.random.Generator, accounts: Ints, expected: Array) -> None:
    """One contact at least for each account, created on the account's first days."""
    counts = 1 + counts_from(rng, np.asarray(expected, dtype=np.float64))
    owner = accounts[spread(counts)]
    rows = len(owner)
    store = market.accounts
    delay = (rng.exponential(12, rows) * DAY).astype(np.int64)
    start = store["created"][owner]
    offset = COUNTRY_OFFSET[store["country"][owner]]
    created = working_moment(rng, start + delay, offset, start)
    numbers = append_contacts(market, rng, owner, created)
    gone = numbers[every(numbers, RATES["deleted_contact"], 31)]
    after = np.maximum(market.contacts["created"][gone], START_TS)
    market.contacts["deleted"][gone] = after + rng.integers(15, 300, len(gone)) * DAY
    doomed = store["deleted"][owner]
    market.contacts["deleted"][numbers] = np.minimum(market.contacts["deleted"][numbers], doomed)


def append_contacts(
    market: Market,
    rng: np.random.Generator,
    account: Array,
    created: Array,
    *,
    first: Array | None = None,
    last: Array | None = None,
    title: Array | None = None,
    lead: Array | int = -1,
    source: Array | int = 7,
) -> Ints:
    """New contacts of accounts; names and titles are drawn where they are not given."""
    rows = len(account)
    return market.contacts.append(
        rows,
        account=account,
        first=rng.integers(0, len(words.FIRST_NAMES), rows) if first is None else first,
        last=rng.integers(0, len(words.LAST_NAMES), rows) if last is None else last,
        title=rng.integers(0, len(words.TITLES), rows) if title is None else title,
        created=created, lead=lead, source=source, origin=-1, merged=NEVER, deleted=NEVER,
    )  # fmt: skip


def add_near_duplicates(
    market: Market, seed: int, month: int, accounts: Ints, contacts: Ints
) -> None:
    """Second records of this month's accounts and contacts; about half are merged later.

    A duplicate account has the original's website under another spelling of its name; a duplicate
    contact has the original's address in capitals.
    """
    rng = stream(seed, month, "near duplicates")
    store = market.accounts
    first_day = max(month_start(month), START_TS // DAY)
    known = accounts[store["deleted"][accounts] == NEVER]
    doubled = known[every(known, RATES["near_duplicate_account"], 5)]
    fields = {c: store[c][doubled] for c in ("name", "segment", "region", "country", "industry")}
    created = entered_later(rng, store["created"][doubled], first_day)
    copies = store.append(
        len(doubled), **fields,
        variant=rng.integers(1, 4, len(doubled)), origin=doubled,
        employees=store["employees"][doubled], revenue=store["revenue"][doubled],
        seat=store["seat"][doubled], created=created, parent=-1, fit=store["fit"][doubled],
        source=0, merged=merge_moments(rng, doubled, created, RATES["near_duplicate_account"]),
        deleted=NEVER, customer_from=NEVER,
    )  # fmt: skip
    people = market.contacts
    if len(copies):
        append_contacts(market, rng, copies, store["created"][copies] + 900)
    living = contacts[people["deleted"][contacts] == NEVER]
    twice = living[every(living, RATES["near_duplicate_contact"], 11)]
    created = entered_later(rng, people["created"][twice], first_day)
    people.append(
        len(twice),
        account=people["account"][twice], first=people["first"][twice],
        last=people["last"][twice], title=people["title"][twice], created=created, lead=-1,
        source=0, origin=twice, deleted=NEVER,
        merged=merge_moments(rng, twice, created, RATES["near_duplicate_contact"]),
    )  # fmt: skip


def entered_later(rng: np.random.Generator, created: Array, first_day: int) -> Ints:
    """When the second record is entered: 2 to 40 days after the first, within the export."""
    start = np.maximum(created, first_day * DAY)
    days = rng.integers(2, 40, len(created))
    return working_moment(rng, start + days * DAY, np.zeros(len(created), dtype=np.int64), start)


def merge_moments(rng: np.random.Generator, originals: Ints, created: Ints, rate: float) -> Ints:
    """Every second duplicate is merged 20 to 120 days after it was entered."""
    moment = created + rng.integers(20, 120, len(originals)) * DAY
    return np.where(originals // round(1 / rate) % 2 == 0, moment, NEVER)
