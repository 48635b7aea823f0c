"""Opportunities: how they are born, their hidden causes, and their way through the stages.

Every opportunity's whole life is drawn in the month of its creation. Amounts, close dates and other
recorded fields are in `paperwork`; this module knows only what happened.
"""

from dataclasses import dataclass, field

import numpy as np

from orchestration.sources.demo import hazards as process
from orchestration.sources.demo.clock import DAY, HOUR, NEVER, working_moment
from orchestration.sources.demo.company import Company
from orchestration.sources.demo.market import COUNTRY_OFFSET, Market
from orchestration.sources.demo.rates import RATES
from orchestration.sources.demo.store import Store
from orchestration.sources.demo.streams import Array, Floats, Ints, every, stream

NEW, EXPANSION, RENEWAL = range(3)
FIRST_STAGE = np.array([process.PROSPECTING, process.QUALIFICATION, process.PROPOSAL])
MAX_VISITS = 18
SEGMENT_SIZE = np.array([12_500.0, 50_000.0, 185_000.0])  # median list value in USD
_SIZE_SPREAD = 0.62


@dataclass
class Deals:
    """Opportunities and their stage visits of all months so far."""

    opportunities: Store
    visits: Store
    due: dict[int, list[dict[str, Array]]] = field(default_factory=lambda: {})


def new_deals() -> Deals:
    """No opportunities yet."""
    opportunities = Store(
        created=np.int64, account=np.int64, segment=np.int64, region=np.int64, country=np.int64,
        kind=np.int64, lead=np.int64, campaign=np.int64, source=np.int64, bdr_seat=np.int64,
        ae_seat=np.int64, se_seat=np.int64, contact=np.int64, list_value=np.float64,
        fit=np.float64, engagement=np.float64, champion=np.int64, rivals=np.int64,
        threads=np.float64, discount=np.float64, closed=np.int64, outcome=np.int64,
        deleted=np.int64, handed_over=np.int64,
    )  # fmt: skip
    visits = Store(opportunity=np.int64, stage=np.int64, entered=np.int64, left=np.int64)
    return Deals(opportunities, visits)


def standardised(deals: Store, rows: Ints, skill: Floats) -> Floats:
    """The causes of opportunities as the hazards take them (rows by causes), mean 0, spread 1."""
    champion = deals["champion"][rows] - 0.45
    return np.stack(
        [
            deals["fit"][rows],
            deals["engagement"][rows],
            champion * 2.0,
            (deals["rivals"][rows] - 0.8) / 0.77,
            deals["threads"][rows],
            (deals["discount"][rows] - 0.12) / 0.07,
            skill,
        ],
        axis=1,
    )


def add_opportunities(
    deals: Deals, market: Market, company: Company, seed: int, month: int, births: dict[str, Array]
) -> Ints:
    """Append births with causes and lives; returns their numbers.

    `births` holds created, account, kind, lead, campaign, source, bdr_seat (-1 = none), contact
    (-1 = none yet), list_value (0 = to be drawn), fit and engagement (the heritage from the lead,
    0 where there is none).
    """
    rng = stream(seed, month, "opportunities")
    rows = len(births["created"])
    accounts = market.accounts
    account = births["account"]
    place = {c: accounts[c][account] for c in ("segment", "region", "country")}
    kind = births["kind"]
    fit = 0.62 * accounts["fit"][account] + 0.45 * births["fit"] + 0.55 * rng.normal(size=rows)
    engagement = 0.5 * births["engagement"] + 0.9 * rng.normal(size=rows) + 0.25 * (kind > 0)
    friendly = 1 / (1 + np.exp(-(-0.25 + 0.5 * engagement + 0.5 * (kind > 0))))
    champion = (rng.random(rows) < friendly).astype(np.int64)
    rival_share = np.array([0.52, 0.42, 0.30])[place["segment"]] + 0.25 * (kind > 0)
    draw = rng.random(rows)
    rivals = (draw > rival_share).astype(np.int64) + (draw > rival_share + 0.33).astype(np.int64)
    threads = 0.35 * engagement + 0.85 * rng.normal(size=rows)
    discount = np.clip(0.09 + 0.035 * rivals + 0.055 * rng.normal(size=rows), 0.0, 0.38)
    size = SEGMENT_SIZE[place["segment"]] * np.exp(_SIZE_SPREAD * rng.normal(size=rows))
    share = np.where(kind == EXPANSION, 0.55, 1.0)
    list_value = np.where(births["list_value"] > 0, births["list_value"], size * share)
    se_seat = np.zeros(rows, dtype=np.int64)
    for region in range(3):
        chosen = np.flatnonzero(place["region"] == region)
        if len(chosen):
            options = company.seats_open(2, region, -1, int(births["created"].min()))
            se_seat[chosen] = rng.choice(options, len(chosen))
    numbers = deals.opportunities.append(
        rows,
        created=births["created"], account=account, **place, kind=kind, lead=births["lead"],
        campaign=births["campaign"], source=births["source"], bdr_seat=births["bdr_seat"],
        ae_seat=accounts["seat"][account], se_seat=se_seat, contact=births["contact"],
        list_value=list_value, fit=fit, engagement=engagement, champion=champion, rivals=rivals,
        threads=threads, discount=discount, closed=NEVER, outcome=-1, deleted=NEVER,
        handed_over=births["created"],
    )  # fmt: skip
    _live(deals, company, stream(seed, month, "lives"), numbers)
    gone = numbers[every(numbers, RATES["deleted_opportunity"], 13)]
    after = rng.integers(3, 60, len(gone)) * DAY + 11 * HOUR
    deals.opportunities["deleted"][gone] = deals.opportunities["created"][gone] + after
    return numbers


def _live(deals: Deals, company: Company, rng: np.random.Generator, numbers: Ints) -> None:
    """Draw the stage visits of new opportunities until each is closed for good."""
    store = deals.opportunities
    stage = FIRST_STAGE[store["kind"][numbers]].copy()
    entered = store["created"][numbers].copy()
    reopened = np.zeros(len(numbers), dtype=bool)
    going = np.arange(len(numbers))
    handed = np.where(stage == process.PROSPECTING, NEVER, entered)
    for _ in range(MAX_VISITS):
        opportunities = numbers[going]
        here, since = stage[going], entered[going]
        first = (handed[going] == NEVER) & (here > process.PROSPECTING) & (here < process.WON)
        handed[going[first]] = since[first]
        open_ = here < process.WON
        left = np.full(len(going), NEVER, dtype=np.int64)
        following = np.full(len(going), -1, dtype=np.int64)
        if open_.any():
            rows = np.flatnonzero(open_)
            left[rows], following[rows] = _visit(
                store, company, rng, opportunities[rows], here[rows], since[rows]
            )
        rest = np.flatnonzero(~open_)
        left[rest], following[rest] = _after_close(
            rng, here[rest], since[rest], reopened[going[rest]]
        )
        deals.visits.append(
            len(going), opportunity=opportunities, stage=here, entered=since, left=left
        )
        reopened[going[rest]] |= following[rest] >= 0
        closed = going[following < 0]
        store["closed"][numbers[closed]] = entered[closed]
        store["outcome"][numbers[closed]] = (stage[closed] == process.WON).astype(np.int64)
        on = following >= 0
        stage[going[on]], entered[going[on]] = following[on], left[on]
        going = going[on]
        if not len(going):
            break
    if len(going):  # too many visits: the last one ends as lost
        deals.visits.append(
            len(going), opportunity=numbers[going], stage=process.LOST, entered=entered[going],
            left=NEVER,
        )  # fmt: skip
        store["closed"][numbers[going]] = entered[going]
        store["outcome"][numbers[going]] = 0
    store["handed_over"][numbers] = handed


def _visit(
    store: Store, company: Company, rng: np.random.Generator, rows: Ints, stage: Ints, since: Ints
) -> tuple[Ints, Ints]:
    """When open visits end and which stage follows."""
    skill = company.skill[seat_owner(store, company, rows, stage, since)]
    causes = standardised(store, rows, skill)
    rates = process.hazards(
        stage, store["segment"][rows], store["kind"][rows], causes, since // DAY
    )
    days, ending = process.draw_endings(rng, rates)
    offset = COUNTRY_OFFSET[store["country"][rows]]
    left = working_moment(rng, since + (days * DAY).astype(np.int64), offset, since + HOUR // 2)
    skips = (rng.random(len(rows)) < process.SKIP) & (stage <= process.DESIGN)
    onward = np.minimum(stage + 1 + skips, process.WON)
    back = np.maximum(stage - 1, 0)
    following = np.choose(ending, [onward, np.full(len(rows), process.LOST), back])
    return left, following.astype(np.int64)


def _after_close(
    rng: np.random.Generator, stage: Ints, since: Ints, reopened: Array
) -> tuple[Ints, Ints]:
    """Few closed deals come back once: lost ones into design, won ones into negotiation."""
    lost = stage == process.LOST
    share = np.where(lost, process.REOPEN_LOST, process.REOPEN_WON)
    returns = (rng.random(len(stage)) < share) & ~reopened
    days = np.where(lost, rng.integers(10, 75, len(stage)), rng.integers(3, 20, len(stage)))
    offset = np.zeros(len(stage), dtype=np.int64)
    moment = working_moment(rng, since + days * DAY, offset, since + DAY)
    target = np.where(lost, process.REOPEN_STAGE, process.NEGOTIATION)
    return np.where(returns, moment, NEVER), np.where(returns, target, -1)


def seat_owner(store: Store, company: Company, rows: Ints, stage: Array, moments: Array) -> Ints:
    """Who works on opportunities: while prospecting the BDR, if any, then the executive."""
    bdr = (stage == process.PROSPECTING) & (store["bdr_seat"][rows] >= 0)
    seats = np.where(bdr, store["bdr_seat"][rows], store["ae_seat"][rows])
    return company.owner(seats, moments)
