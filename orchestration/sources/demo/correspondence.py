"""E-mails between reps and customers, leads, old customers and strangers."""

import numpy as np
import polars as pl

from orchestration.sources.demo.attention import (
    SEGMENT_RATE,
    Attention,
    draw_moments,
    in_visits,
    numbered,
)
from orchestration.sources.demo.clock import DAY, month_start
from orchestration.sources.demo.streams import Array, Ints, stream

# Per open day, by stage from Prospecting to Negotiation.
_MAIL_OUT = np.array([0.27, 0.29, 0.27, 0.24, 0.29, 0.33])
_MAIL_IN = np.array([0.08, 0.135, 0.17, 0.17, 0.20, 0.24])


def emails(attention: Attention, month: int) -> pl.DataFrame:
    """E-mails: moment, user, contact, lead, opportunity, inbound, automated, topic, copied."""
    rng = stream(attention.seed, month, "emails")
    parts = [
        _deal_emails(attention, rng, month, inbound=False),
        _deal_emails(attention, rng, month, inbound=True),
        _lead_emails(attention, rng, month, inbound=False),
        _lead_emails(attention, rng, month, inbound=True),
        _customer_emails(attention, rng, month),
        _strangers(attention, rng, month),
    ]
    return numbered(pl.concat(parts), month)


def _deal_emails(
    attention: Attention, rng: np.random.Generator, month: int, *, inbound: bool
) -> pl.DataFrame:
    spans = attention.deal_spans(month)
    rows, stage = spans["opportunity"].to_numpy(), spans["stage"].to_numpy()
    traits = attention.deal_traits(rows)
    segment = SEGMENT_RATE[spans["segment"].to_numpy()]
    if inbound:
        warmth = np.exp(0.50 * traits[:, 1] + 0.16 * traits[:, 2] - 0.15)
        rate = _MAIL_IN[stage] * warmth * segment
    else:
        rate = _MAIL_OUT[stage] * np.exp(0.08 * traits[:, 1]) * segment
    drawn = in_visits(rng, spans, rate)
    deal = rows[drawn.span]
    contact = attention.people(rng, deal, drawn.moment)
    other = attention.people(rng, deal, drawn.moment)
    copied = (rng.random(len(deal)) < 0.22) & (other != contact)
    return _emails(
        drawn.moment, attention.owners(deal, drawn.moment), inbound=inbound, contact=contact,
        opportunity=deal, topic=stage[drawn.span], copied=np.where(copied, other, -1),
    )  # fmt: skip


def _lead_emails(
    attention: Attention, rng: np.random.Generator, month: int, *, inbound: bool
) -> pl.DataFrame:
    spans, leads = attention.lead_spans(month), attention.world.demand.leads
    rows = spans["lead"]
    intent = leads["intent"][rows]
    rate = 0.030 * np.exp(0.65 * intent) if inbound else np.full(len(rows), 0.145)
    drawn = draw_moments(rng, spans["start"], spans["end"], rate, spans["offset"])
    lead = rows[drawn.span]
    owner = attention.book.company.owner(leads["seat"][lead], drawn.moment)
    by_hand = rng.random(len(lead)) < 0.2
    return _emails(
        drawn.moment, owner, inbound=inbound, lead=lead,
        automated=np.zeros(len(lead), dtype=bool) if inbound else ~by_hand,
        topic=(drawn.moment // DAY - leads["created"][lead] // DAY) // 8 + 10,
    )  # fmt: skip


def _customer_emails(attention: Attention, rng: np.random.Generator, month: int) -> pl.DataFrame:
    spans, store = attention.customer_spans(month), attention.world.deals.opportunities
    rate = np.full(len(spans["start"]), 0.045)
    drawn = draw_moments(rng, spans["start"], spans["end"], rate, spans["offset"])
    deal = spans["opportunity"][drawn.span]
    inbound = rng.random(len(deal)) < 0.45
    return _emails(
        drawn.moment, attention.book.company.owner(store["ae_seat"][deal], drawn.moment),
        inbound=inbound, contact=attention.people(rng, deal, drawn.moment),
        topic=np.full(len(deal), 20),
    )  # fmt: skip


def _strangers(attention: Attention, rng: np.random.Generator, month: int) -> pl.DataFrame:
    """Mail with people whom the CRM does not know: about one a week for each user.

    Less in a company that is too small for its people, so that its share stays the same.
    """
    start, end = month_start(month) * DAY, month_start(month + 1) * DAY
    company = attention.book.company
    users = np.flatnonzero((company.hired < end) & (company.left > start))
    begin, stop = np.maximum(company.hired[users], start), np.minimum(company.left[users], end)
    share = min(1.0, 60 * attention.world.scale / len(users))
    rate = np.full(len(users), 0.22 * share if month >= 0 else 0.0)
    drawn = draw_moments(rng, begin, stop, rate, attention.book.user_offsets[users])
    inbound = rng.random(len(drawn.span)) < 0.7
    return _emails(drawn.moment, users[drawn.span], inbound=inbound,
                   topic=np.full(len(drawn.span), 30))  # fmt: skip


def _emails(
    moment: Ints,
    user: Ints,
    *,
    inbound: Array | bool,
    topic: Array,
    contact: Array | int = -1,
    lead: Array | int = -1,
    opportunity: Array | int = -1,
    automated: Array | bool = False,
    copied: Array | int = -1,
) -> pl.DataFrame:
    rows = len(moment)

    def column(values: Array | int | bool, kind: type[np.bool_ | np.int64]) -> Array:
        whole: Array = np.zeros(rows, dtype=np.int64) + np.asarray(values, dtype=np.int64)
        return whole.astype(kind)

    return pl.DataFrame(
        {
            "moment": moment, "user": user, "inbound": column(inbound, np.bool_),
            "automated": column(automated, np.bool_), "topic": column(topic, np.int64),
            "contact": column(contact, np.int64), "lead": column(lead, np.int64),
            "opportunity": column(opportunity, np.int64), "copied": column(copied, np.int64),
        }
    )  # fmt: skip
