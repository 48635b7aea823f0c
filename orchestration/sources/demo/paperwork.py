"""What reps record about a deal as it moves: owner, close date, category, competitor, next step.

Everything here follows from the deal's way so far, its hidden causes and chance, never from how it
will end; only what is recorded at the close knows the outcome.
"""

import numpy as np
import polars as pl

from orchestration.sources.demo import vocabulary as words
from orchestration.sources.demo.clock import DAY, HOUR, NEVER, month_ends, quarter_ends
from orchestration.sources.demo.company import Company
from orchestration.sources.demo.deals import NEW, RENEWAL, Deals, seat_owner
from orchestration.sources.demo.hazards import DISCOVERY, LOST, NEGOTIATION, PROPOSAL, WON
from orchestration.sources.demo.rates import RATES
from orchestration.sources.demo.rivals import competitor_names
from orchestration.sources.demo.streams import Array, Bools, Ints, chance, every, normal

_PIPELINE, _BEST_CASE, _COMMIT, _CLOSED, _OMITTED = range(5)
_PUSHES = 14
_EXPECTED_DAYS = np.array([[38, 36, 70], [58, 52, 76], [88, 78, 82]])  # segment by type


def stage_events(deals: Deals, seed: int) -> pl.DataFrame:
    """Stage, probability, forecast category, next step and loss reason at each visit's beginning.

    Columns: opportunity, moment, stage, probability, category, next_step, loss_reason,
    stage_moment. Texts are numbers into the vocabulary, -1 is an empty text.
    """
    visits, store = deals.visits, deals.opportunities
    opportunity, stage = visits["opportunity"], visits["stage"]
    key = opportunity * 64 + visits["entered"] % 64 + stage * 7_919
    seen = (
        0.45 * store["fit"][opportunity]
        + 0.55 * store["engagement"][opportunity]
        + 0.5 * store["champion"][opportunity]
        - 0.35 * store["rivals"][opportunity]
        + 1.1 * normal(key, seed, "rep's view")
    )
    category = np.select(
        [stage < 3, stage == 3, stage == PROPOSAL, stage == NEGOTIATION, stage == WON],
        [
            np.full(len(stage), _PIPELINE),
            np.where(seen > 1.2, _BEST_CASE, _PIPELINE),
            np.where(seen > 1.7, _COMMIT, _BEST_CASE),
            np.where(seen > -0.6, _COMMIT, _BEST_CASE),
            np.full(len(stage), _CLOSED),
        ],
        _OMITTED,
    )
    probability = np.array(words.STAGE_PROBABILITIES)[stage]
    bent = (chance(key, seed, "own probability") < 0.06) & (stage >= PROPOSAL) & (stage < WON)
    shift = 5 * np.round(np.clip(seen, -2, 2)).astype(np.int64)
    steps = chance(key, seed, "next step")
    options = np.array([*(len(step) for step in words.NEXT_STEPS), 1])[stage]
    next_step = stage * 8 + (steps * options).astype(np.int64)
    next_step = np.where(stage == LOST, -1, next_step)
    next_step = np.where((steps * 97 % 1 < 0.3) & (stage < WON), -2, next_step)  # not updated
    reason = _loss_reasons(deals, seed, opportunity)
    return pl.DataFrame(
        {
            "opportunity": opportunity,
            "moment": visits["entered"],
            "stage": stage,
            "probability": np.where(bent, probability + shift, probability),
            "category": category,
            "next_step": pl.Series(next_step).replace(-2, None),
            "loss_reason": np.where(stage == LOST, reason, -1),
            "stage_moment": visits["entered"],
        }
    ).sort("opportunity", "moment", maintain_order=True)


def _loss_reasons(deals: Deals, seed: int, rows: Ints) -> Ints:
    """A reason that suits the causes: a competitor where there is one, else fit or no decision."""
    store = deals.opportunities
    draw = chance(rows, seed, "loss reason")
    rival = (store["rivals"][rows] > 0) & (draw < 0.25 + 0.2 * store["rivals"][rows])
    misfit = store["fit"][rows] < -0.4
    other = (chance(rows, seed, "other reason") * 4).astype(np.int64)
    plain = np.choose(other, [1, 2, 3, 1])
    return np.where(rival, 0, np.where(misfit & (draw > 0.4), np.where(draw > 0.7, 5, 4), plain))


def competitor_events(deals: Deals, seed: int, stages: pl.DataFrame) -> pl.DataFrame:
    """When a competitor's name is entered: in discovery, only in proposal, or at the loss."""
    store = deals.opportunities
    numbers = np.arange(len(store), dtype=np.int64)
    rivals = store["rivals"] > 0
    name = competitor_names(numbers, seed)
    when = chance(numbers, seed, "competitor entered")
    table = pl.DataFrame({"opportunity": numbers, "competitor": name, "when": when}).filter(rivals)
    entries = stages.join(table, on="opportunity", how="inner")
    entered = (
        ((pl.col("when") < 0.35) & (pl.col("stage") >= DISCOVERY) & (pl.col("stage") < WON))
        | ((pl.col("when") < 0.65) & (pl.col("stage") >= PROPOSAL) & (pl.col("stage") < WON))
        | ((pl.col("stage") == LOST) & (pl.col("loss_reason") == 0))
    )
    return (
        entries.filter(entered)
        .group_by("opportunity", maintain_order=True)
        .agg(pl.col("moment").first(), pl.col("competitor").first())
    )


def owner_events(deals: Deals, company: Company, seed: int) -> pl.DataFrame:
    """Who owns an opportunity from when on: the BDR until it qualifies, the account executive, and
    after somebody left, whoever looks after the seat. Columns: opportunity, moment, owner.
    """
    store = deals.opportunities
    numbers = np.arange(len(store), dtype=np.int64)
    end = np.minimum(store["closed"], store["deleted"])
    first_stage = np.where(store["kind"] == NEW, 0, 1)
    owner = seat_owner(store, company, numbers, first_stage, store["created"])
    since = store["created"].copy()
    events = [(numbers, since.copy(), owner.copy())]
    handed = np.where(store["bdr_seat"] >= 0, store["handed_over"], store["created"])
    rows, moment, owner = _after_leaving(
        deals, company, seed, owner, since, np.minimum(end, handed), 0
    )
    events.append((rows, moment, owner[rows]))
    over = np.flatnonzero((handed > store["created"]) & (handed < end))
    owner[over] = company.owner(store["ae_seat"][over], handed[over])
    since[over] = handed[over]
    events.append((over, handed[over], owner[over]))
    for turn in range(1, 4):
        rows, moment, owner = _after_leaving(deals, company, seed, owner, since, end, turn)
        since[rows] = moment
        events.append((rows, moment, owner[rows]))
    columns = [np.concatenate(parts) for parts in zip(*events, strict=True)]
    frame = pl.DataFrame(dict(zip(("opportunity", "moment", "owner"), columns, strict=True)))
    return frame.sort("opportunity", "moment", maintain_order=True)


def _after_leaving(
    deals: Deals, company: Company, seed: int, owner: Ints, since: Ints, end: Ints, turn: int
) -> tuple[Ints, Ints, Ints]:
    """Opportunities whose owner leaves before `end`, when they get a new one, and all owners."""
    store = deals.opportunities
    numbers = np.arange(len(store), dtype=np.int64)
    delay = (2 + 60 * chance(numbers * 8 + turn, seed, "handover delay")) * HOUR
    moment = np.maximum(company.left[owner], since) + delay.astype(np.int64)
    rows = np.flatnonzero((company.left[owner] < end) & (moment < end))
    prospecting = (store["bdr_seat"][rows] >= 0) & (moment[rows] < store["handed_over"][rows])
    seats = np.where(prospecting, store["bdr_seat"][rows], store["ae_seat"][rows])
    owner = owner.copy()
    owner[rows] = company.owner(seats, moment[rows])
    return rows, moment[rows], owner


def close_date_events(deals: Deals, seed: int) -> pl.DataFrame:
    """Planned close dates: the first plan, pushes when it is not kept, and the real day at the end.

    Columns: opportunity, moment, close_day (day number).
    """
    lives = _open_lives(deals)
    opportunity, start, end = (lives[c].to_numpy() for c in ("opportunity", "start", "end"))
    talks = lives["talks"].to_numpy()
    store = deals.opportunities
    segment, kind = store["segment"][opportunity], store["kind"][opportunity]
    key = opportunity * 64 + (lives["life"].to_numpy() * 32)
    again = lives["life"].to_numpy() > 0
    expected = np.where(again, 40, _EXPECTED_DAYS[segment, kind])
    spread = np.where(kind == RENEWAL, 0.08, 0.35)
    plan = start // DAY + expected * np.exp(spread * normal(key, seed, "first plan"))
    close = _snapped(plan.astype(np.int64), chance(key, seed, "snap"))
    events = [(opportunity, start, close.copy())]
    pending = (chance(key, seed, "pulled in") < 0.3) & (talks > start)
    for turn in range(_PUSHES):
        draw = chance(key + turn, seed, "push day")
        noticed = np.maximum(close + (11 * draw).astype(np.int64) - 4, start // DAY + 1)
        moment = noticed * DAY + ((8 + 10 * chance(key + turn, seed, "push hour")) * HOUR).astype(
            np.int64
        )
        first: Bools = pending & (talks < moment)
        moment = np.where(first, talks, moment)
        more = (
            10 + 38 * chance(key + turn, seed, "push length") * np.array([0.8, 1.0, 1.4])[segment]
        )
        new = np.where(
            first,
            talks // DAY + 8 + (22 * draw).astype(np.int64),
            _snapped(np.maximum(noticed, close) + more.astype(np.int64), draw * 7 % 1),
        )
        rows = np.flatnonzero((moment < end) & (new != close))
        close[rows] = new[rows]
        pending[first] = False
        events.append((opportunity[rows], moment[rows], close[rows].copy()))
    final = np.flatnonzero(end < NEVER)
    wrong = every(opportunity[final], RATES["close_before_creation"], 29)
    created = store["created"][opportunity[final]] // DAY
    back = 1 + (45 * chance(opportunity[final], seed, "days before creation")).astype(np.int64)
    day = np.where(wrong, created - back, end[final] // DAY)
    events.append((opportunity[final], end[final], day))
    columns = [np.concatenate(parts) for parts in zip(*events, strict=True)]
    frame = pl.DataFrame(dict(zip(("opportunity", "moment", "close_day"), columns, strict=True)))
    return frame.sort("opportunity", "moment", maintain_order=True)


def _open_lives(deals: Deals) -> pl.DataFrame:
    """The periods in which opportunities are open: opportunity, life, start, end, talks.

    `talks` is the first entry into Negotiation in the period, NEVER if there is none.
    """
    visits = deals.visits.frame().sort("opportunity", "entered", maintain_order=True)
    closed = pl.col("stage") >= WON
    visits = visits.with_columns(
        life=closed.cast(pl.Int64).cum_sum().over("opportunity") - closed.cast(pl.Int64)
    )
    return (
        visits.filter(~closed)
        .group_by("opportunity", "life", maintain_order=True)
        .agg(
            start=pl.col("entered").first(),
            end=pl.col("left").last(),
            talks=pl.col("entered").filter(pl.col("stage") == NEGOTIATION).first(),
        )
        .with_columns(pl.col("talks").fill_null(NEVER))
    )


def _snapped(days: Array, draw: Array) -> Ints:
    """Plans prefer the end of a quarter (one in four) or of a month (four in ten)."""
    near_quarter = quarter_ends(days)
    near_quarter = np.where(near_quarter - days > 40, month_ends(days), near_quarter)
    return np.where(draw < 0.25, near_quarter, np.where(draw < 0.65, month_ends(days), days))
