"""Calls and meetings: how often, who answers, and what is heard in them."""

import numpy as np
import polars as pl

from orchestration.sources.demo.attention import (
    SEGMENT_RATE,
    Attention,
    draw_moments,
    in_visits,
    numbered,
)
from orchestration.sources.demo.clock import DAY, HOUR, working_moment
from orchestration.sources.demo.hazards import DISCOVERY
from orchestration.sources.demo.streams import Floats, stream

# Per open day, by stage from Prospecting to Negotiation.
_CALLS = np.array([0.100, 0.105, 0.070, 0.055, 0.070, 0.095])
_MEETINGS = np.array([0.036, 0.082, 0.106, 0.096, 0.076, 0.068])


def calls(attention: Attention, month: int) -> pl.DataFrame:
    """Calls: moment, user, contact, lead, opportunity, inbound, warmth, skill, draws."""
    rng = stream(attention.seed, month, "calls")
    spans = attention.deal_spans(month)
    rows, stage = spans["opportunity"].to_numpy(), spans["stage"].to_numpy()
    rate = _CALLS[stage] * SEGMENT_RATE[spans["segment"].to_numpy()]
    drawn = in_visits(rng, spans, rate)
    deal = rows[drawn.span]
    first = pl.DataFrame(
        {
            "moment": drawn.moment, "user": attention.owners(deal, drawn.moment),
            "contact": attention.people(rng, deal, drawn.moment), "lead": np.full(len(deal), -1),
            "opportunity": deal, "warmth": attention.deal_traits(deal)[:, 1],
        }
    )  # fmt: skip
    leads, spans = attention.world.demand.leads, attention.lead_spans(month)
    rate = np.full(len(spans["lead"]), 0.098)
    drawn = draw_moments(rng, spans["start"], spans["end"], rate, spans["offset"])
    lead = spans["lead"][drawn.span]
    second = pl.DataFrame(
        {
            "moment": drawn.moment,
            "user": attention.book.company.owner(leads["seat"][lead], drawn.moment),
            "contact": np.full(len(lead), -1), "lead": lead,
            "opportunity": np.full(len(lead), -1), "warmth": leads["intent"][lead] - 0.6,
        }
    )  # fmt: skip
    frame = numbered(pl.concat([first, second]), month)
    return _with_call_outcomes(rng, frame, attention.book.company.skill)


def meetings(attention: Attention, month: int) -> pl.DataFrame:
    """Meetings by booking: booked, moment (start), user, contact, second, third, engineer,
    opportunity, stage, status (0 held, 1 cancelled, 2 no show), minutes, ended.

    A meeting that was booked for a day after the deal's close is cancelled at the close, so
    that a booking says nothing about how long the deal will live.
    """
    rng = stream(attention.seed, month, "meetings")
    spans, store = attention.deal_spans(month), attention.world.deals.opportunities
    rows, stage = spans["opportunity"].to_numpy(), spans["stage"].to_numpy()
    warm = attention.deal_traits(rows)[:, 1]
    rate = _MEETINGS[stage] * np.exp(0.42 * warm - 0.09)
    rate = rate * SEGMENT_RATE[spans["segment"].to_numpy()]
    offset = spans["offset"].to_numpy()
    drawn = in_visits(rng, spans, rate)
    deal, over = rows[drawn.span], spans["over"].to_numpy()[drawn.span]
    ahead = rng.integers(1, 9, len(deal)) * DAY
    start = working_moment(rng, drawn.moment + ahead, offset[drawn.span], drawn.moment + HOUR)
    minutes = rng.choice([30, 30, 45, 60, 60, 90], len(deal))
    held = 1 / (1 + np.exp(-(1.55 + 0.55 * attention.deal_traits(deal)[:, 1])))
    draw = rng.random(len(deal))
    status = np.where(draw < held, 0, np.where(draw < held + (1 - held) * 0.6, 1, 2))
    dropped = start >= over
    ended = np.where(dropped, over + 300, start + minutes * 60)
    engineer = attention.book.company.owner(store["se_seat"][deal], drawn.moment)
    technical = (stage[drawn.span] >= DISCOVERY) & (rng.random(len(deal)) < 0.5)
    contact = attention.people(rng, deal, drawn.moment)
    others = [attention.people(rng, deal, drawn.moment) for _ in range(2)]
    frame = pl.DataFrame(
        {
            "booked": drawn.moment, "moment": start, "ended": ended,
            "user": attention.owners(deal, drawn.moment), "contact": contact,
            "second": np.where(others[0] != contact, others[0], -1),
            "third": np.where((others[1] != contact) & (others[1] != others[0]), others[1], -1),
            "engineer": np.where(technical, engineer, -1), "opportunity": deal,
            "stage": stage[drawn.span], "status": np.where(dropped, 1, status),
            "minutes": minutes,
        }
    )  # fmt: skip
    return numbered(frame, month)


def _with_call_outcomes(
    rng: np.random.Generator, frame: pl.DataFrame, skill: Floats
) -> pl.DataFrame:
    """Disposition, duration and what speech analysis says; warm people answer and sound warm."""
    rows = frame.height
    warmth, rep = frame["warmth"].to_numpy(), skill[frame["user"].to_numpy()]
    connects = 1 / (1 + np.exp(-(-0.75 + 0.45 * warmth + 0.1 * rep)))
    draw = rng.random(rows)
    rest = 1 - connects
    disposition = np.select(
        [draw < connects, draw < connects + 0.45 * rest, draw < connects + 0.92 * rest],
        [0, 1, 2],
        3,
    )
    talking = disposition == 0
    seconds = np.where(
        talking,
        90 + rng.gamma(1.6, 300, rows),
        np.where(disposition == 1, 35 * rng.random(rows), 0),
    ).astype(np.int64)
    ratio = np.clip(0.56 - 0.05 * rep + 0.11 * rng.normal(size=rows), 0.05, 0.98)
    monologue = np.minimum(seconds * ratio, 25 + rng.gamma(2.0, 28, rows) * np.exp(-0.12 * rep))
    questions = rng.poisson(np.maximum(seconds, 1) / 100 * np.exp(0.18 * rep))
    mood = np.tanh(0.15 + 0.32 * warmth + 0.45 * rng.normal(size=rows))
    return frame.with_columns(
        inbound=pl.Series(rng.random(rows) < 0.08),
        disposition=pl.Series(disposition),
        seconds=pl.Series(seconds),
        talk_ratio=pl.Series(np.where(talking, np.round(ratio, 3), np.nan)),
        monologue=pl.Series(np.where(talking, np.round(monologue), np.nan)),
        questions=pl.Series(np.where(talking, questions, np.nan)),
        sentiment=pl.Series(np.where(talking, np.round(mood, 3), np.nan)),
    )
