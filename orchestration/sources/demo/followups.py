"""What is heard in recorded meetings, and what sellers promise to do after a conversation.

Rates follow the rep's skill, the warmth of the other side and the stage, never the outcome.
"""

import numpy as np
import polars as pl

from orchestration.sources.demo import conversations
from orchestration.sources.demo.attention import Attention
from orchestration.sources.demo.clock import DAY, HOUR
from orchestration.sources.demo.streams import Array, Floats, Ints, position_within, spread, stream

KINDS = (
    "send_information", "schedule_meeting", "schedule_demo", "intro_decision_maker",
    "technical_answer", "pricing", "send_proposal", "reference", "legal", "other",
)  # fmt: skip
OPEN, COMPLETED, CANCELLED = range(3)

_RECORDED = 0.86  # of the held meetings
_MOST_ACTIONS = 3
_GIVEN_UP_AFTER = 40 * DAY
_SLOWEST = 25 * DAY
# Of the talking, by stage from Prospecting to Negotiation: demos and proposals are shown.
_OUR_SHARE = np.array([0.50, 0.46, 0.42, 0.60, 0.57, 0.48])
_ASKING = np.array([1.15, 1.25, 1.30, 0.75, 0.80, 0.85])
# Rows: leads, then stages from Prospecting to Negotiation; columns: KINDS.
_KIND_SHARES = np.array(
    [
        [0.45, 0.36, 0.05, 0.03, 0.01, 0.02, 0.00, 0.00, 0.00, 0.08],
        [0.34, 0.38, 0.05, 0.12, 0.02, 0.02, 0.00, 0.00, 0.00, 0.07],
        [0.16, 0.15, 0.25, 0.20, 0.06, 0.10, 0.00, 0.00, 0.00, 0.08],
        [0.10, 0.10, 0.30, 0.15, 0.22, 0.06, 0.00, 0.01, 0.00, 0.06],
        [0.05, 0.06, 0.06, 0.06, 0.24, 0.14, 0.28, 0.05, 0.00, 0.06],
        [0.03, 0.05, 0.03, 0.09, 0.08, 0.24, 0.18, 0.10, 0.14, 0.06],
        [0.02, 0.05, 0.00, 0.05, 0.03, 0.24, 0.08, 0.05, 0.42, 0.06],
    ]
)
_USUAL_DAYS = np.array([1.0, 2.5, 4.0, 5.0, 3.0, 3.0, 5.0, 5.0, 7.0, 3.0])  # until due, beside one


def recordings(attention: Attention, month: int) -> pl.DataFrame:
    """Held meetings booked in the month that were recorded, with what speech analysis says.

    Adds to the columns of `conversations.meetings`: analysed (moment), seconds, talk_ratio,
    monologue, questions, sentiment.
    """
    held = conversations.meetings(attention, month).filter(pl.col("status") == 0)
    rng = stream(attention.seed, month, "recordings")
    rows = held.height
    recorded = rng.random(rows) < _RECORDED
    warm = attention.deal_traits(held["opportunity"].to_numpy())[:, 1]
    rep = attention.book.company.skill[held["user"].to_numpy()]
    stage = held["stage"].to_numpy()
    seconds = (held["minutes"].to_numpy() * 60 * rng.uniform(0.72, 1.0, rows)).astype(np.int64)
    ratio = np.clip(_OUR_SHARE[stage] - 0.045 * rep + 0.09 * rng.normal(size=rows), 0.05, 0.98)
    monologue = np.minimum(
        seconds * ratio, 40 + rng.gamma(2.2, 45, rows) * np.exp(1.2 * (ratio - 0.5) - 0.12 * rep)
    )
    questions = rng.poisson(seconds / 170 * _ASKING[stage] * np.exp(0.18 * rep))
    mood = np.tanh(0.18 + 0.32 * warm + 0.42 * rng.normal(size=rows))
    ready = held["ended"].to_numpy() + rng.integers(600, 5_400, rows)
    return held.with_columns(
        analysed=pl.Series(ready),
        seconds=pl.Series(seconds),
        talk_ratio=pl.Series(np.round(ratio, 3)),
        monologue=pl.Series(np.round(monologue).astype(np.int64)),
        questions=pl.Series(questions),
        sentiment=pl.Series(np.round(mood, 3)),
    ).filter(pl.Series(recorded))


def call_actions(attention: Attention, month: int) -> pl.DataFrame:
    """Follow-ups of the month's answered calls; columns as of `_agreed`, and those of the call."""
    calls = conversations.calls(attention, month).filter(pl.col("disposition") == 0)
    rng = stream(attention.seed, month, "call actions")
    deal, lead = calls["opportunity"].to_numpy(), calls["lead"].to_numpy()
    moment, seconds = calls["moment"].to_numpy(), calls["seconds"].to_numpy()
    stage, over = _visit(attention, deal, moment)
    lead_end = attention.world.demand.leads["end"][np.maximum(lead, 0)]
    told = calls.with_columns(
        agreed=pl.Series(moment + seconds + rng.integers(120, 1_500, len(moment))),
        stage=pl.Series(np.where(deal >= 0, stage, -1)),
        over=pl.Series(np.where(deal >= 0, over, lead_end)),
        engineer=pl.lit(-1, dtype=pl.Int64),
    )
    expected = 0.95 * np.clip(seconds / 500, 0.45, 1.5)
    return _agreed(attention, rng, told, calls["warmth"].to_numpy(), expected)


def meeting_actions(attention: Attention, month: int) -> pl.DataFrame:
    """Follow-ups of recorded meetings; columns as of `_agreed`, and those of the recording."""
    held = recordings(attention, month)
    rng = stream(attention.seed, month, "meeting actions")
    deal = held["opportunity"].to_numpy()
    _, over = _visit(attention, deal, held["booked"].to_numpy())
    told = held.with_columns(agreed=pl.col("analysed"), over=pl.Series(over))
    warm = attention.deal_traits(deal)[:, 1]
    return _agreed(attention, rng, told, warm, np.full(len(deal), 1.05))


def _visit(attention: Attention, deal: Ints, moment: Ints) -> tuple[Ints, Ints]:
    """Stage of each deal at a moment, and when the deal will be closed or deleted."""
    visits = attention.visits
    keys = (visits["opportunity"].to_numpy() << 32) + visits["entered"].to_numpy()
    at = np.searchsorted(keys, (np.maximum(deal, 0) << 32) + moment, side="right") - 1
    at = np.maximum(at, 0)
    return visits["stage"].to_numpy()[at], visits["over"].to_numpy()[at]


def _agreed(
    attention: Attention, rng: np.random.Generator, told: pl.DataFrame, warm: Floats, mean: Floats
) -> pl.DataFrame:
    """Up to three follow-ups of each conversation.

    `told` has serial, user, engineer, stage (-1 = with a lead), agreed (moment) and over (when the
    deal or lead is closed). Adds to it: action (a unique number), kind (of KINDS), owner, due
    (moment), ended (moment) and status at the end (COMPLETED or CANCELLED).

    What is not done when the deal closes is cancelled then, what is not done for a long time is
    given up, so that an open follow-up says nothing about how long the deal will live.
    """
    rep = attention.book.company.skill[told["user"].to_numpy()]
    expected = mean * np.exp(0.16 * warm + 0.12 * rep)
    counts = np.minimum(rng.poisson(expected), _MOST_ACTIONS)
    rows = spread(counts)
    part, rep, warm = told[rows], rep[rows], warm[rows]
    kind = _drawn(rng, _KIND_SHARES[part["stage"].to_numpy() + 1])
    agreed, over = part["agreed"].to_numpy(), part["over"].to_numpy()
    wait = (1 + rng.poisson(_USUAL_DAYS[kind])) * DAY
    took = wait * np.exp(-0.35 - 0.12 * rep + 0.6 * rng.normal(size=len(rows)))
    took = np.clip(took, HOUR // 3, _SLOWEST).astype(np.int64)
    keen = rng.random(len(rows)) < 1 / (1 + np.exp(-(1.05 + 0.45 * rep + 0.30 * warm)))
    done = keen & (agreed + took < over)
    given_up = np.minimum(np.maximum(over, agreed + 60), agreed + _GIVEN_UP_AFTER)
    engineer = part["engineer"].to_numpy()
    technical = (engineer >= 0) & (kind == KINDS.index("technical_answer"))
    return part.with_columns(
        action=pl.col("serial") * 4 + pl.Series(position_within(counts)),
        kind=pl.Series(kind),
        owner=pl.Series(np.where(technical, engineer, part["user"].to_numpy())),
        due=pl.Series(agreed + wait),
        ended=pl.Series(np.where(done, agreed + took, given_up)),
        ending=pl.Series(np.where(done, COMPLETED, CANCELLED)),
    )


def _drawn(rng: np.random.Generator, shares: Array) -> Ints:
    """One column for each row, by the row's shares (which sum to one)."""
    edges = np.cumsum(shares, axis=1)
    draw = rng.random(len(shares))[:, None] * edges[:, -1:]
    return (draw >= edges).sum(axis=1).astype(np.int64)
