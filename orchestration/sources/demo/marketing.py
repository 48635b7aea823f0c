"""Marketing's side: mailings with opens and clicks, page views and forms, month by month.

Warm people open, click and look more; that is the trace of a lead's intent and a deal's engagement.
"""

import numpy as np
import polars as pl

from orchestration.sources.demo.attention import Attention, draw_moments, in_visits, numbered
from orchestration.sources.demo.clock import DAY, FIRST_MONTH, HOUR, NEVER, month_start
from orchestration.sources.demo.demand import CAMPAIGNS_PER_MONTH
from orchestration.sources.demo.exports.book import Book
from orchestration.sources.demo.streams import Array, Floats, Ints, chance, spread, stream

SENT, DELIVERED, OPEN, CLICK, BOUNCE, UNSUBSCRIBED = range(6)


def has_profile(book: Book) -> Array:
    """Per contact number, whether marketing has a profile of who did not come as a lead."""
    contacts = book.world.market.contacts
    numbers = np.arange(len(contacts), dtype=np.int64)
    known = chance(numbers, book.seed, "marketing profile") < 0.5
    return (
        known & (contacts["lead"] < 0) & (contacts["origin"] < 0) & (contacts["deleted"] == NEVER)
    )


def email_events(book: Book, attention: Attention, month: int) -> pl.DataFrame:
    """Mailing events: moment, kind, lead, contact, campaign, mailing (number of the sent mail)."""
    rng = stream(book.seed, month, "mailings")
    spans, leads = attention.lead_spans(month), book.world.demand.leads
    rate = np.full(len(spans["lead"]), 0.055)
    drawn = draw_moments(rng, spans["start"], spans["end"], rate, spans["offset"])
    lead = spans["lead"][drawn.span]
    contact, sent_at, warmth = _newsletter(book, rng, month)
    mailing = _mailing(book, month)
    who = {
        "lead": np.concatenate([lead, np.full(len(contact), -1)]),
        "contact": np.concatenate([np.full(len(lead), -1), contact]),
        "campaign": np.concatenate(
            [
                np.where(leads["campaign"][lead] >= 0, leads["campaign"][lead], mailing),
                np.full(len(contact), mailing),
            ]
        ),
        "moment": np.concatenate([drawn.moment, sent_at]),
    }
    warm = np.concatenate([leads["intent"][lead], warmth])
    return numbered(_reactions(rng, who, warm), month)


def _mailing(book: Book, month: int) -> int:
    """The e-mail campaign planned in the month before; where there is none, the first one."""
    kinds = book.world.demand.campaigns["kind"]
    rows = np.arange(max(month - 1 - FIRST_MONTH, 0) * CAMPAIGNS_PER_MONTH, len(kinds))[
        :CAMPAIGNS_PER_MONTH
    ]
    return int(rows[np.argmax(kinds[rows] == 1)])


def _newsletter(book: Book, rng: np.random.Generator, month: int) -> tuple[Ints, Ints, Floats]:
    """Who of the known contacts gets this month's newsletter, when, and how warm they are."""
    contacts = book.world.market.contacts
    start = month_start(month) * DAY
    pool = np.flatnonzero(has_profile(book) & (contacts["created"] < start))
    chosen = pool[rng.random(len(pool)) < (0.12 if month >= 0 else 0.0)]
    moment = start + 9 * DAY + 9 * HOUR + rng.integers(0, 3 * HOUR, len(chosen))
    return chosen, moment, rng.normal(size=len(chosen))


def _reactions(rng: np.random.Generator, who: dict[str, Array], warm: Array) -> pl.DataFrame:
    """SENT for each mail and what follows from it within days."""
    rows = len(warm)
    bounces = rng.random(rows) < 0.025
    opens = ~bounces & (rng.random(rows) < 1 / (1 + np.exp(-(-0.85 + 0.6 * warm))))
    clicks = opens & (rng.random(rows) < 1 / (1 + np.exp(-(-1.5 + 0.7 * warm))))
    leaves = opens & (rng.random(rows) < 0.008)
    read = (rng.exponential(14 * HOUR, rows)).astype(np.int64) + 40
    read = np.minimum(read, 12 * DAY)
    steps = (
        (SENT, np.ones(rows, dtype=bool), np.zeros(rows, dtype=np.int64)),
        (DELIVERED, ~bounces, np.full(rows, 3)),
        (BOUNCE, bounces, np.full(rows, 5)),
        (OPEN, opens, read),
        (CLICK, clicks, read + rng.integers(5, 400, rows)),
        (UNSUBSCRIBED, leaves, read + rng.integers(5, 90, rows)),
    )
    frame = pl.DataFrame(who).with_columns(mailing=pl.int_range(rows))
    return pl.concat(
        [
            frame.with_columns(
                kind=pl.lit(kind, dtype=pl.Int64), moment=pl.col("moment") + pl.Series(delay)
            ).filter(pl.Series(happens))
            for kind, happens, delay in steps
        ]
    )


def page_views(book: Book, attention: Attention, month: int) -> pl.DataFrame:
    """Page views: moment, lead, contact (both -1: anonymous), page, campaign (-1: none)."""
    rng = stream(book.seed, month, "page views")
    leads = book.world.demand.leads
    spans = attention.lead_spans(month)
    rate = 0.085 * np.exp(0.45 * leads["intent"][spans["lead"]])
    drawn = draw_moments(rng, spans["start"], spans["end"], rate, spans["offset"])
    lead = spans["lead"][drawn.span]
    first = _views(rng, drawn.moment, lead=lead, campaign=leads["campaign"][lead])
    deals = attention.deal_spans(month)
    rows = deals["opportunity"].to_numpy()
    rate = 0.065 * np.exp(0.45 * attention.deal_traits(rows)[:, 1])
    drawn = in_visits(rng, deals, rate)
    deal = rows[drawn.span]
    contact = attention.people(rng, deal, drawn.moment)
    second = _views(rng, drawn.moment, contact=contact, campaign=np.full(len(deal), -1))
    frame = pl.concat([first, second])
    stranger = rng.random(frame.height) < 0.25
    frame = frame.with_columns(
        lead=pl.when(pl.Series(~stranger)).then("lead").otherwise(-1),
        contact=pl.when(pl.Series(~stranger)).then("contact").otherwise(-1),
    )
    return numbered(frame, month)


def _views(
    rng: np.random.Generator,
    moment: Ints,
    *,
    campaign: Array,
    lead: Array | int = -1,
    contact: Array | int = -1,
) -> pl.DataFrame:
    """Sessions of one to four pages; the first page of a session may come from a campaign."""
    pages = 1 + rng.integers(0, 4, len(moment)) * (rng.random(len(moment)) < 0.45)
    at = spread(pages.astype(np.int64))
    rows = len(at)
    starts = np.flatnonzero(np.diff(at, prepend=-1))
    place = np.arange(rows) - np.repeat(starts, pages)

    def column(values: Array | int) -> Array:
        return np.broadcast_to(np.asarray(values, dtype=np.int64), (len(moment),))[at]

    from_campaign = (place == 0) & (rng.random(rows) < 0.6)
    return pl.DataFrame(
        {
            "moment": moment[at] + place * rng.integers(20, 200, rows),
            "lead": column(lead), "contact": column(contact),
            "campaign": np.where(from_campaign, column(campaign), -1),
            "page": np.where(place == 0, rng.integers(0, 4, rows), rng.integers(0, 8, rows)),
            "session": moment[at] * 8 + at % 8,
        }
    )  # fmt: skip


def form_submissions(book: Book, attention: Attention, month: int) -> pl.DataFrame:
    """Forms: the one that makes an inbound lead, and later ones of warm leads."""
    rng = stream(book.seed, month, "forms")
    leads = book.world.demand.leads
    start, end = month_start(month) * DAY, month_start(month + 1) * DAY
    inbound = np.flatnonzero(
        book.is_known_lead
        & (leads["origin"] < 0)
        & np.isin(leads["source"], (0, 1, 3, 4))
        & (leads["created"] >= start)
        & (leads["created"] < end)
    )
    first = pl.DataFrame(
        {
            "moment": np.maximum(leads["created"][inbound] - 45, start), "lead": inbound,
            "form": leads["source"][inbound],
        }
    )  # fmt: skip
    spans = attention.lead_spans(month)
    rate = 0.012 * np.exp(0.6 * leads["intent"][spans["lead"]])
    drawn = draw_moments(rng, spans["start"], spans["end"], rate, spans["offset"])
    later = pl.DataFrame(
        {
            "moment": drawn.moment, "lead": spans["lead"][drawn.span],
            "form": rng.choice([1, 4, 5], len(drawn.span)),
        }
    )  # fmt: skip
    return numbered(pl.concat([first, later]), month)
