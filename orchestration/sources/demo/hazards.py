"""How the hidden causes move deals through the stages, and what that makes the chance to win.

A visit to a stage ends by going on, being lost or falling back. Each ending has a hazard per day
that is constant within steps of three days: a base, a shape in the time spent in the stage
(scaled by what is normal for the segment), and exp of a weighted sum of the causes. Who knows the
causes can therefore compute the chance to win exactly up to the calendar's effect on later stages,
and no forecast made from traces of the causes can beat that figure on average.
"""

from dataclasses import dataclass

import numpy as np

from orchestration.sources.demo.clock import closing_pressure
from orchestration.sources.demo.streams import Array, Bools, Floats, Ints

PROSPECTING, QUALIFICATION, DISCOVERY, DESIGN, PROPOSAL, NEGOTIATION, WON, LOST = range(8)
ADVANCE, LOSE, FALL_BACK = range(3)
STEP_DAYS = 3.0
STEPS = 80  # a visit that is not over after 240 days is lost
SKIP = 0.06  # share of advances that pass over one stage
REOPEN_LOST = 0.035
REOPEN_WON = 0.006
REOPEN_STAGE = DESIGN
CAUSES = ("fit", "engagement", "champion", "competition", "threads", "discount", "skill")

# Rows: causes in the order of CAUSES; columns: stages from Prospecting to Negotiation.
WEIGHTS = np.array(
    [
        [0.55, 0.60, 0.40, 0.25, 0.15, 0.10],
        [0.35, 0.40, 0.45, 0.45, 0.45, 0.35],
        [0.00, 0.15, 0.35, 0.45, 0.45, 0.55],
        [0.00, -0.10, -0.25, -0.35, -0.60, -0.60],
        [0.00, 0.05, 0.25, 0.35, 0.35, 0.40],
        [0.00, 0.00, 0.00, 0.05, 0.25, 0.40],
        [0.25, 0.25, 0.25, 0.25, 0.30, 0.35],
    ]
)
_PUSH_ON = 0.42  # how strongly the weighted causes raise the hazard to go on
_HOLD = 0.80  # how strongly they lower the hazard to be lost
_NORMAL_DAYS = np.array([15.0, 18.0, 25.0, 27.0, 28.0, 26.0])
_SEGMENT_TIME = np.array([0.62, 1.0, 1.55])
_BASE_ADVANCE = np.array([0.82, 0.80, 0.88, 0.95, 0.82, 0.80])  # per normal duration
_BASE_LOSE = np.array([0.42, 0.55, 0.45, 0.36, 0.52, 0.52])
_BASE_BACK = np.array([0.0, 0.010, 0.022, 0.026, 0.032, 0.030])
# Causes' weights were chosen so that the best AUC at month ends is about 0.87.
_TYPE_LOSE = np.array([1.0, 0.80, 0.40])
_TYPE_ADVANCE = np.array([1.0, 1.05, 0.95])


def _shapes() -> tuple[Floats, Floats, Floats]:
    """Base hazards per step of the three endings, for each stage and segment (18 by STEPS)."""
    stage, segment = np.repeat(np.arange(6), 3), np.tile(np.arange(3), 6)
    unit = (STEP_DAYS / (_NORMAL_DAYS[stage] * _SEGMENT_TIME[segment]))[:, None]
    age = (np.arange(STEPS) + 0.5)[None, :] * unit
    rise = np.where(age < 1.0, 0.35 + 0.9 * age, 1.25 * np.exp(-(age - 1.0) / 5.0))
    decay = np.minimum(0.55 + 0.35 * age, 2.6)
    return (
        _BASE_ADVANCE[stage][:, None] * unit * rise,
        _BASE_LOSE[stage][:, None] * unit * decay,
        _BASE_BACK[stage][:, None] * unit * np.ones_like(age),
    )


_ADVANCE_SHAPE, _LOSE_SHAPE, _BACK_SHAPE = _shapes()


@dataclass(frozen=True)
class Hazards:
    """Hazards per step (rows by STEPS) of the three endings of a stage visit."""

    advance: Floats
    lose: Floats
    back: Floats

    def total(self) -> Floats:
        """The hazard of any ending."""
        return self.advance + self.lose + self.back


def hazards(
    stage: Array, segment: Array, kind: Array, causes: Floats, entered_day: Array | None = None
) -> Hazards:
    """Hazards of each row's visit.

    Args:
        stage: 0 to 5, one per row.
        segment: 0 to 2.
        kind: opportunity type (0 new, 1 expansion, 2 renewal).
        causes: rows by causes, standardised, in the order of CAUSES.
        entered_day: day number of the entry; without it the calendar has no effect.
    """
    score = (causes * WEIGHTS[:, stage].T).sum(axis=1)
    on = np.exp(_PUSH_ON * score) * _TYPE_ADVANCE[kind]
    off = np.exp(-_HOLD * score) * _TYPE_LOSE[kind]
    shape = stage * 3 + segment
    advance = _ADVANCE_SHAPE[shape] * on[:, None]
    lose = _LOSE_SHAPE[shape] * off[:, None]
    back = _BACK_SHAPE[shape]
    if entered_day is not None:
        late = stage >= PROPOSAL
        days = entered_day[late, None] + (np.arange(STEPS) * STEP_DAYS + 1).astype(np.int64)
        strength = np.where(stage[late] == NEGOTIATION, 1.0, 0.25)[:, None]
        pressure = 1.0 + strength * (closing_pressure(days, 1.0) - 1.0)
        advance[late] *= pressure
        lose[late] *= pressure
    return Hazards(advance, lose, back)


def usual_days(segment: Array) -> Floats:
    """Days (rows by stages) that deals of a segment usually need from entering a stage to a win."""
    days = np.cumsum(_NORMAL_DAYS[::-1])[::-1]
    return days[None, :] * _SEGMENT_TIME[segment][:, None]


def draw_endings(rng: np.random.Generator, rates: Hazards) -> tuple[Floats, Ints]:
    """Days until each visit ends and how it ends (ADVANCE, LOSE or FALL_BACK)."""
    rows = len(rates.advance)
    total = rates.total()
    cumulated = np.cumsum(total, axis=1)
    threshold = rng.exponential(size=rows)
    step = (cumulated < threshold[:, None]).sum(axis=1)
    stuck = step == STEPS
    at = np.minimum(step, STEPS - 1)
    index = np.arange(rows)
    before = cumulated[index, at] - total[index, at]
    part = np.clip((threshold - before) / total[index, at], 0.0, 1.0)
    days = np.where(stuck, STEPS * STEP_DAYS, (at + part) * STEP_DAYS)
    draw = rng.random(rows) * total[index, at]
    lost = draw >= rates.advance[index, at]
    back = draw >= rates.advance[index, at] + rates.lose[index, at]
    kind = np.where(stuck, LOSE, np.where(back, FALL_BACK, np.where(lost, LOSE, ADVANCE)))
    return days, kind.astype(np.int64)


def ending_shares(rates: Hazards, spent_days: Array) -> Floats:
    """Chances (rows by 3) of the endings of a visit that has lasted `spent_days` already."""
    total = rates.total()
    hazard = total
    if spent_days.any():
        steps = np.arange(STEPS)[None, :]
        first = np.minimum((spent_days / STEP_DAYS).astype(np.int64), STEPS - 1)[:, None]
        rest = np.clip(first + 1 - spent_days[:, None] / STEP_DAYS, 0.0, 1.0)
        hazard = np.where(steps < first, 0.0, np.where(steps == first, total * rest, total))
    alive = np.exp(-np.cumsum(hazard, axis=1))
    ended = -np.diff(alive, axis=1, prepend=1.0) / total
    advance = np.einsum("ij,ij->i", ended, rates.advance)
    back = np.einsum("ij,ij->i", ended, rates.back)
    return np.stack([advance, 1.0 - advance - back, back], axis=1)


def stage_values(segment: Array, kind: Array, causes: Floats) -> Floats:
    """The chance to be won in the end on entering each stage (rows by 8), given the causes.

    Solved by repeated substitution, because deals fall back and are re-opened. A deal is re-opened
    at most once; the second re-opening that the substitution allows has a chance below 0.001.
    """
    rows = len(segment)
    shares = [
        ending_shares(
            hazards(np.full(rows, stage), segment, kind, causes), np.zeros(rows, dtype=np.float64)
        )
        for stage in range(6)
    ]
    values = np.zeros((rows, 8))
    values[:, WON] = 1.0
    for _ in range(12):
        for stage in range(NEGOTIATION, -1, -1):
            values[:, stage] = after_ending(shares[stage], values, np.full(rows, stage))
        values[:, LOST] = REOPEN_LOST * values[:, REOPEN_STAGE]
        values[:, WON] = 1.0 - REOPEN_WON + REOPEN_WON * values[:, NEGOTIATION]
    return values


def after_ending(shares: Floats, values: Floats, stage: Array) -> Floats:
    """The chance to win, given the endings' chances of the current visit and the stages' values."""
    rows = np.arange(len(stage))
    following = np.minimum(stage + 1, WON)
    over = np.minimum(stage + 2, NEGOTIATION)
    can_skip: Bools = stage <= DESIGN
    go_on = np.where(
        can_skip,
        (1 - SKIP) * values[rows, following] + SKIP * values[rows, over],
        values[rows, following],
    )
    back = values[rows, np.maximum(stage - 1, 0)]
    return (
        shares[:, ADVANCE] * go_on + shares[:, LOSE] * values[:, LOST] + shares[:, FALL_BACK] * back
    )
