"""What reps write into the CRM themselves: tasks, BANT notes and events."""

import numpy as np
import polars as pl

from orchestration.sources.demo.attention import (
    Attention,
    draw_moments,
    in_visits,
    numbered,
)
from orchestration.sources.demo.clock import DAY, HOUR, month_start
from orchestration.sources.demo.hazards import DISCOVERY, QUALIFICATION
from orchestration.sources.demo.streams import Floats, stream

# Per open day, by stage from Prospecting to Negotiation.
_TASKS = np.array([0.016, 0.020, 0.022, 0.022, 0.026, 0.026])
_EVENTS = np.array([0.004, 0.008, 0.021, 0.021, 0.018, 0.015])


def tasks(attention: Attention, month: int) -> pl.DataFrame:
    """CRM tasks: moment, over, user, contact, lead, opportunity, topic.

    `over` is the close of the deal or the end of the attention to the lead; the topic is the
    stage, 10 for BANT or 20 for a lead.
    """
    rng = stream(attention.seed, month, "tasks")
    parts = [_deal_notes(attention, rng, month, _TASKS), _bant(attention, month)]
    leads, spans = attention.world.demand.leads, attention.lead_spans(month)
    rate = np.full(len(spans["lead"]), 0.020)
    drawn = draw_moments(rng, spans["start"], spans["end"], rate, spans["offset"])
    lead = spans["lead"][drawn.span]
    parts.append(
        pl.DataFrame(
            {
                "moment": drawn.moment, "over": spans["end"][drawn.span],
                "user": attention.book.company.owner(leads["seat"][lead], drawn.moment),
                "contact": np.full(len(lead), -1), "lead": lead,
                "opportunity": np.full(len(lead), -1), "topic": np.full(len(lead), 20),
            }
        )
    )  # fmt: skip
    return numbered(pl.concat(parts), month)


def events(attention: Attention, month: int) -> pl.DataFrame:
    """CRM events (visits on site, workshops) by the moment of planning, columns as of tasks."""
    rng = stream(attention.seed, month, "events")
    return numbered(_deal_notes(attention, rng, month, _EVENTS), month)


def _deal_notes(
    attention: Attention, rng: np.random.Generator, month: int, per_day: Floats
) -> pl.DataFrame:
    spans = attention.deal_spans(month)
    rows, stage = spans["opportunity"].to_numpy(), spans["stage"].to_numpy()
    drawn = in_visits(rng, spans, per_day[stage])
    deal = rows[drawn.span]
    return pl.DataFrame(
        {
            "moment": drawn.moment, "over": spans["over"].to_numpy()[drawn.span],
            "user": attention.owners(deal, drawn.moment),
            "contact": attention.people(rng, deal, drawn.moment), "lead": np.full(len(deal), -1),
            "opportunity": deal, "topic": stage[drawn.span],
        }
    )  # fmt: skip


def _bant(attention: Attention, month: int) -> pl.DataFrame:
    """A BANT note in each visit to Qualification and in some to Discovery."""
    start, end = month_start(month) * DAY, month_start(month + 1) * DAY
    part = attention.visits.filter(
        (pl.col("stage") == QUALIFICATION)
        | ((pl.col("stage") == DISCOVERY) & (pl.col("opportunity") % 2 == 0))
    ).with_columns(
        moment=pl.min_horizontal(
            pl.col("entered") + (1 + pl.col("opportunity") % 9) * DAY + 2 * HOUR,
            pl.col("left") - 900,
        )
    )
    part = part.filter(pl.col("moment").is_between(start, end - 1))
    deal, moment = part["opportunity"].to_numpy(), part["moment"].to_numpy()
    return pl.DataFrame(
        {
            "moment": moment, "over": part["over"], "user": attention.owners(deal, moment),
            "contact": attention.world.deals.opportunities["contact"][deal],
            "lead": np.full(len(deal), -1), "opportunity": deal,
            "topic": np.full(len(deal), 10),
        }
    )  # fmt: skip
