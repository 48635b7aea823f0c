"""What people say they will bring in: weekly forecast calls, overrides, and who leans which way.

A call knows what its author can know when it is made: what is closed, what is open, and how likely
and how soon deals with such causes are won in general. It never looks at how a deal will end.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl

from orchestration.sources.demo.clock import (
    DAY,
    FIRST_MONTH,
    HOUR,
    LAST_MONTH,
    MONTH_STARTS,
    START_DAY,
    months_of,
    quarter_ends,
)
from orchestration.sources.demo.company import AE, AE_MANAGER, CRO, VP, Company
from orchestration.sources.demo.deals import Deals, standardised
from orchestration.sources.demo.finance import exchange_rates
from orchestration.sources.demo.hazards import WON, stage_values, usual_days
from orchestration.sources.demo.market import COUNTRY_CURRENCY
from orchestration.sources.demo.streams import Array, Floats, Ints, chance, normal

SANDBAGGER, OPTIMIST, SCATTERED = range(3)
STYLES = ("sandbagger", "optimist", "scattered")
COMMIT, BEST_CASE = 2, 1  # as in the vocabulary's forecast categories
LEVELS = (AE, AE_MANAGER, VP, CRO)  # who calls, in the order in which they wait for each other
LOOK_AHEAD_DAYS = 21  # so long before it begins the next quarter is called too

_WEEK = 7 * DAY
_TURNS = (SANDBAGGER, SCATTERED, OPTIMIST, SCATTERED)
_LEANING = np.array([0.60, 1.55, 1.0])  # what is still open is multiplied by this
_LEANING_ABOVE = np.array([0.85, 1.18, 1.0])  # who rolls up leans less
_NOISE = np.array([0.07, 0.07, 0.24])
_VIEW_NOISE = 0.10  # of a manager's own view of what a report will bring
_DEAL_NOISE = 0.30  # how wrongly the chance of a single deal is seen
_STEPS = np.array([0, 5, 14, 28, 400])  # days before a quarter's end between which deals close
_PRESSURE = np.array([5.0, 3.0, 1.0, 0.55])  # so much more or less readily
_PACE = 0.88  # of deals that are won, against what is usual for all
_BEST_CASE_SHARE = 1.45  # of the open part of a commit
_NEW_IN_QUARTER, _NEW_IN_NEXT = 0.35, 0.8  # not yet created deals, as a share of the open ones
_MISSED = np.array([0.04, 0.03, 0.03, 0.02])  # share of weeks without a call, by level
_REVISED = 0.07
_OVERRIDES = np.array([0.45, 0.25, 0.10, 0.0])  # of each level's calls that its superior doubts
_TELLING = 0.10  # a difference worth an override, as a share of the call
_SLOT = np.array([9.5, 11.5, 13.5, 15.0])  # local hour from which each level calls
_CALL, _REVISION, _OVERRIDE = range(3)
_USERS = 1 << 15  # room for user numbers in a call's number


@dataclass(frozen=True)
class Forecasters:
    """Who calls: one entry per user number; style -1 where somebody never calls."""

    level: Ints
    style: Ints
    bias: Floats


def forecasters(company: Company, seed: int) -> Forecasters:
    """The hidden leaning of everybody who calls; holders of a seat take the styles in turn."""
    people = company.users
    level = np.full(len(people.function), -1, dtype=np.int64)
    style = np.full(len(people.function), -1, dtype=np.int64)
    seats = dict.fromkeys(LEVELS, 0)
    for seat in company.seats:
        if seat.function not in seats:
            continue
        for place, (_, _, user) in enumerate(seat.holders):
            level[user] = LEVELS.index(seat.function)
            style[user] = _TURNS[(seats[seat.function] + place) % len(_TURNS)]
        seats[seat.function] += 1
    numbers = np.arange(len(level), dtype=np.int64)
    strength = 0.75 + 0.5 * chance(numbers, seed, "forecast leaning")
    base = np.where(level > 0, _LEANING_ABOVE[style], _LEANING[style])
    return Forecasters(level, style, np.round(1.0 + (base - 1.0) * strength, 4))


def forecast_calls(
    states: pl.DataFrame, deals: Deals, company: Company, seed: int, horizon: int
) -> pl.DataFrame:
    """Every call and override until `horizon`, in the order of their making.

    Args:
        states: the true states of opportunities (see `ledger`).
        deals: the opportunities.
        company: who works where.
        seed: of the company.
        horizon: the moment from which on nothing is needed.

    Returns:
        Columns moment, submitter, subject (user numbers), starts, ends (the quarter's first and
        last day), category, amount (in the submitter's currency), currency, is_override, comment
        (a number, -1 for none), serial (unique).
    """
    people = forecasters(company, seed)
    mondays = np.arange(START_DAY + (-(START_DAY + 3)) % 7, horizon // DAY, 7, dtype=np.int64)
    if not len(mondays):
        return _no_calls()
    rates = _Rates(seed)
    known = _known_positions(states, deals, company, seed, mondays, rates)
    calls: list[pl.DataFrame] = []
    for ahead in (0, 1):
        starts, ends = _quarters(mondays, ahead)
        weeks = mondays if not ahead else mondays[starts - mondays <= LOOK_AHEAD_DAYS]
        frame = known.filter(pl.col("ahead") == ahead)
        calls.append(_called(frame, company, people, seed, weeks, ahead))
    frame = pl.concat(calls)
    day, user = frame["monday"].to_numpy(), frame["submitter"].to_numpy()
    region = np.array(company.users.region, dtype=np.int64)[user]
    currency = np.array([0, 1, 4])[region]
    local = frame["amount"].to_numpy() * rates.at(currency, day)
    starts, ends = _starts_and_ends(day, frame["ahead"].to_numpy())
    return (
        frame.with_columns(
            starts=pl.Series(starts),
            ends=pl.Series(ends),
            currency=pl.Series(currency),
            amount=pl.Series(np.round(local / 1_000.0) * 1_000.0),
        )
        .filter(pl.col("moment") < horizon)
        .sort("moment", "serial")
    )


def _no_calls() -> pl.DataFrame:
    whole = ("moment", "submitter", "subject", "monday", "ahead", "category", "comment", "serial")
    return pl.DataFrame(
        schema={
            **dict.fromkeys(whole, pl.Int64),
            "amount": pl.Float64,
            "is_override": pl.Boolean,
            **dict.fromkeys(("starts", "ends", "currency"), pl.Int64),
        }
    )


class _Rates:
    """Units of each currency per USD by month."""

    def __init__(self, seed: int) -> None:
        frame = exchange_rates(seed).sort("currency", "month")
        self._rates = frame["rate"].to_numpy().reshape(-1, LAST_MONTH - FIRST_MONTH + 1)

    def at(self, currency: Array, days: Ints) -> Floats:
        months = np.clip(months_of(days), FIRST_MONTH, LAST_MONTH) - FIRST_MONTH
        return self._rates[currency, months]


def _quarters(days: Ints, ahead: int) -> tuple[Ints, Ints]:
    """First and last day of the quarter that each day is in, or of the one after it."""
    return _starts_and_ends(days, np.full(len(days), ahead))


def _starts_and_ends(days: Ints, ahead: Array) -> tuple[Ints, Ints]:
    last = quarter_ends(days)
    last = np.where(ahead > 0, quarter_ends(last + 1), last)
    return MONTH_STARTS[months_of(last) + 60 - 2], last


def _known_positions(
    states: pl.DataFrame,
    deals: Deals,
    company: Company,
    seed: int,
    mondays: Ints,
    rates: "_Rates",
) -> pl.DataFrame:
    """What each owner has closed and may expect from what is open, by Monday and quarter.

    Columns monday, ahead (0 this quarter, 1 the next), owner, closed, open (USD). It is the state
    at midnight before the Monday's first call.
    """
    frame = states.with_columns(
        until=pl.col("moment").shift(-1).over("opportunity").fill_null(mondays[-1] * DAY + 1)
    ).filter(~pl.col("deleted") & (pl.col("stage") <= WON))
    moment, until = frame["moment"].to_numpy(), frame["until"].to_numpy()
    stage, close_day = frame["stage"].to_numpy(), frame["close_day"].to_numpy()
    won = stage == WON
    until = np.where(
        won, np.minimum(until, (quarter_ends(close_day.astype(np.int64)) + 1) * DAY), until
    )
    first = np.maximum(-((mondays[0] * DAY - moment) // _WEEK), 0)
    last = np.minimum(-((mondays[0] * DAY - until) // _WEEK), len(mondays))
    counts = np.maximum(last - first, 0)
    row = np.repeat(np.arange(len(counts)), counts)
    place = np.arange(len(row)) - np.repeat(np.cumsum(counts) - counts, counts) + first[row]
    monday = mondays[place]
    opportunity = frame["opportunity"].to_numpy()[row]
    stage, close_day, won = stage[row].astype(np.int64), close_day[row].astype(np.int64), won[row]
    amount = frame["amount"].to_numpy()[row]
    currency = COUNTRY_CURRENCY[deals.opportunities["country"][opportunity]]
    value = amount / rates.at(currency, np.where(won, close_day, monday))
    value = np.where(np.isnan(value), deals.opportunities["list_value"][opportunity], value)
    seen = _seen_values(deals, company, seed, opportunity, stage)
    owner = frame["owner"].to_numpy()[row].astype(np.int64)
    parts: list[pl.DataFrame] = []
    for ahead, new in ((0, _NEW_IN_QUARTER), (1, _NEW_IN_NEXT)):
        starts, ends = _quarters(monday, ahead)
        segment = deals.opportunities["segment"][opportunity]
        open_stage = np.minimum(stage, WON - 1)
        this = _eagerness(quarter_ends(monday) + 1 - monday)
        until, before = (this, 0.0) if not ahead else (this + _eagerness(ends + 1 - starts), this)
        in_time = _done_within(open_stage, segment, until)
        in_time -= _done_within(open_stage, segment, before)
        growth = 1.0 + new * ((ends + 1 - np.maximum(monday, starts)) / 91.0) ** 2
        closed = won & (close_day >= starts) & (close_day <= ends)
        parts.append(
            pl.DataFrame(
                {
                    "monday": monday,
                    "ahead": ahead,
                    "owner": owner,
                    "closed": np.where(closed, value, 0.0),
                    "open": np.where(won, 0.0, value * seen * in_time * growth),
                }
            )
            .group_by("monday", "ahead", "owner")
            .agg(pl.col("closed").sum(), pl.col("open").sum())
        )
    return pl.concat(parts).sort("ahead", "monday", "owner")


def _seen_values(
    deals: Deals, company: Company, seed: int, opportunity: Ints, stage: Ints
) -> Floats:
    """The chance to win of deals in a stage as their owner sees it: the causes', blurred."""
    store = deals.opportunities
    numbers = np.unique(opportunity)
    values = np.ones((len(store), WON + 1))
    for part in np.array_split(numbers, max(1, len(numbers) // 4_000)):
        if len(part):
            owner = company.owner(store["ae_seat"][part], store["created"][part])
            causes = standardised(store, part, company.skill[owner])
            found = stage_values(store["segment"][part], store["kind"][part], causes)
            values[part] = found[:, : WON + 1]
    blur = np.exp(_DEAL_NOISE * normal(numbers, seed, "deal as seen") - _DEAL_NOISE**2 / 2)
    values[numbers, :WON] *= blur[:, None]
    return np.minimum(values, 1.0)[opportunity, stage]


def _eagerness(left: Ints) -> Floats:
    """The last days of a quarter, weighted by how much more readily deals close in its last weeks.

    It is common knowledge: who calls has seen quarters end.
    """
    days = np.minimum(left[:, None], _STEPS[None, 1:]) - _STEPS[None, :-1]
    return (np.maximum(days, 0) * _PRESSURE[None, :]).sum(axis=1)


def _done_within(stage: Ints, segment: Ints, days: Array | float) -> Floats:
    """The chance that a deal that will be won has been won after some days.

    The time left is taken as a sum of like exponential times, one for each stage to come (Erlang).
    """
    stages = WON - stage
    load = stages * days / (_PACE * usual_days(segment)[np.arange(len(stage)), stage])
    term = np.exp(-load)
    alive = np.zeros(len(load))
    for place in range(WON):
        alive += np.where(place < stages, term, 0.0)
        term = term * load / (place + 1)
    return 1.0 - alive


def _called(
    known: pl.DataFrame,
    company: Company,
    people: Forecasters,
    seed: int,
    weeks: Ints,
    ahead: int,
) -> pl.DataFrame:
    """The calls of one kind of quarter: level after level, those above on top of those below."""
    users = len(people.level)
    place = {int(day): number for number, day in enumerate(weeks)}
    closed, open_ = np.zeros((2, len(weeks), users))
    mine = known.filter(pl.col("monday").is_in(pl.Series(weeks).implode()))
    rows = np.array([place[day] for day in mine["monday"].to_list()], dtype=np.int64)
    closed[rows, mine["owner"].to_numpy()] = mine["closed"].to_numpy()
    open_[rows, mine["owner"].to_numpy()] = mine["open"].to_numpy()
    desk = _Desk(company, people, seed, weeks, ahead, closed, open_)
    calls = [desk.level(level) for level in range(len(LEVELS))]
    return pl.concat(calls)


class _Desk:
    """Everybody's figures of the weeks (weeks by users), filled from the bottom to the top."""

    def __init__(
        self,
        company: Company,
        people: Forecasters,
        seed: int,
        weeks: Ints,
        ahead: int,
        closed: Floats,
        open_: Floats,
    ) -> None:
        self.company, self.people, self.seed = company, people, seed
        self.weeks, self.ahead = weeks, ahead
        self.closed, self.open = closed.copy(), open_.copy()  # with everything below
        self.called = open_.copy()  # what is called of the open part, with everything below
        self.heard = np.zeros(closed.shape, dtype=np.int64)  # when the last report has called

    def level(self, level: int) -> pl.DataFrame:
        """The calls of one level, its reports' overrides, and what it hands up."""
        week, user, boss = self._in_office(level)
        key = (self.weeks[week] * _USERS + user) * 2 + self.ahead
        style = self.people.style[user]
        noise = _NOISE[style]
        drawn = np.exp(noise * normal(key, self.seed, "forecast call") - noise**2 / 2)
        bias = self.people.bias[user]
        closed = self.closed[week, user]
        call = self.called[week, user] * bias * drawn
        absent = chance(key, self.seed, "forecast missed") < _MISSED[level]
        moment = self._moments(level, week, user, key)
        remark = chance(key, self.seed, "forecast remark")
        said = np.where(remark < 0.25, (remark * 16).astype(np.int64), -1)
        both = (closed + call, closed + call * _BEST_CASE_SHARE)
        result = [self._rows(week, user, user, moment, both, key, said, ~absent, _CALL)]
        again = ~absent & (chance(key, self.seed, "forecast revised") < _REVISED)
        second = self.called[week, user] * bias * np.sqrt(drawn)
        later = moment + (2 + key % 2) * DAY + 1_800
        both = (closed + second, closed + second * _BEST_CASE_SHARE)
        said = np.full(len(key), 4)
        result.append(self._rows(week, user, user, later, both, key, said, again, _REVISION))
        passed, overridden = self._overridden(level, week, user, boss, call, absent, key)
        above = moment + 900 + (5_400 * chance(key, self.seed, "override moment")).astype(np.int64)
        said = np.where(passed < call, 5, 6)
        put_in = (closed + passed,)
        result.append(self._rows(week, boss, user, above, put_in, key, said, overridden, _OVERRIDE))
        up = boss >= 0
        cells = (week[up], boss[up])
        np.add.at(self.closed, cells, closed[up])
        np.add.at(self.open, cells, self.open[week, user][up])
        np.add.at(self.called, cells, passed[up])
        np.maximum.at(self.heard, cells, np.where(overridden, above, moment)[up])
        return pl.concat(result)

    def _in_office(self, level: int) -> tuple[Ints, Ints, Ints]:
        """Week, user and superior (-1 for none) of everybody of a level who is there."""
        users = np.flatnonzero(self.people.level == level)
        week, user = (
            grid.ravel() for grid in np.meshgrid(np.arange(len(self.weeks)), users, indexing="ij")
        )
        now = self.weeks[week] * DAY
        here = (self.company.hired[user] <= now) & (self.company.left[user] >= now + DAY)
        week, user, now = week[here], user[here], now[here]
        seats = np.array([self.company.seats[s].above for s in self.company.users.seat])[user]
        boss = np.where(seats >= 0, self.company.owner(np.maximum(seats, 0), now), -1)
        return week, user, boss.astype(np.int64)

    def _moments(self, level: int, week: Ints, user: Ints, key: Ints) -> Ints:
        """Monday in working hours, for those above when the last report has called."""
        offset = np.array([-5, 0, 9])[np.array(self.company.users.region)[user]]
        hours = _SLOT[level] + 1.5 * chance(key, self.seed, "forecast hour")
        moment = self.weeks[week] * DAY + ((hours - offset) * HOUR).astype(np.int64)
        return np.maximum(moment, self.heard[week, user] + 600)

    def _overridden(
        self, level: int, week: Ints, user: Ints, boss: Ints, call: Floats, absent: Array, key: Ints
    ) -> tuple[Floats, Array]:
        """What the superior puts in for each report's open part, and where it is an override.

        Who has not called is put in with the superior's own view, which is no override.
        """
        drawn = np.exp(_VIEW_NOISE * normal(key, self.seed, "forecast view"))
        view = self.open[week, user] * self.people.bias[np.maximum(boss, 0)] * drawn
        base = np.maximum(self.closed[week, user] + call, 1.0)
        differs = np.abs(view - call) > _TELLING * base
        doubted = chance(key, self.seed, "override") < _OVERRIDES[level]
        overridden = (boss >= 0) & ~absent & differs & doubted
        put_in = np.where(absent, view, np.where(overridden, 0.65 * view + 0.35 * call, call))
        return put_in, overridden

    def _rows(
        self,
        week: Ints,
        submitter: Ints,
        subject: Ints,
        moment: Ints,
        amounts: tuple[Floats, ...],
        key: Ints,
        comment: Array,
        made: Array,
        kind: int,
    ) -> pl.DataFrame:
        """Commit and, if given, best case of calls, revisions or overrides that were `made`."""
        parts = [
            pl.DataFrame(
                {
                    "moment": moment,
                    "submitter": submitter,
                    "subject": subject,
                    "monday": self.weeks[week],
                    "ahead": self.ahead,
                    "category": category,
                    "comment": comment if category == COMMIT else np.full(len(key), -1),
                    "serial": (key * 4 + kind) * 2 + (category == COMMIT),
                    "amount": amount,
                    "is_override": kind == _OVERRIDE,
                }
            ).filter(pl.Series(made))
            for category, amount in zip((COMMIT, BEST_CASE), amounts, strict=False)
        ]
        return pl.concat(parts)
