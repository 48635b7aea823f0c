"""The expected revenue of an evening, source by source: the one engine of forecast and scenarios.

A source is an open deal, a won deal whose renewal is still to come, or a deal of the past months
that stands for those to come. Each has who it counts for, an amount if won, and how much win it
holds up to each horizon.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl

from ml_assets.revenue.amounts import AmountDrift
from ml_assets.revenue.calendar import Floats, Ints
from ml_assets.revenue.creation import (
    RENEWAL,
    SegmentChances,
    arrival_pool,
    days_of_weeks,
    returning_arrivals,
    returns_by,
    wins_of_cohorts,
)
from ml_assets.revenue.hazard import WinHazard, next_win_days
from ml_assets.revenue.history import RevenueHistory
from ml_assets.revenue.organisation import closing_owners
from ml_assets.revenue.settings import RevenueSettings

OPEN, NEW = 0, 1
MOST_WINS = 60
HERMITE_POINTS = 15
HAZARDS = np.concatenate([np.zeros(1), np.geomspace(1e-6, 60.0, 800)])


@dataclass(frozen=True)
class Learned:
    """What training leaves for forecasting: the hazard of winning and the drift of amounts."""

    hazard: WinHazard
    amounts: AmountDrift

    def save(self, folder: Path) -> None:
        """Write it as text files."""
        self.hazard.save(folder)
        self.amounts.save(folder)

    @classmethod
    def load(cls, folder: Path) -> Learned:
        """Read what `save` wrote."""
        return cls(WinHazard.load(folder), AmountDrift.load(folder))


def learn(history: RevenueHistory, origin: date, settings: RevenueSettings, seed: int) -> Learned:
    """Learn from what was known on the evening of an origin."""
    landmarks = history.landmarks(origin)
    wins = history.won_by(origin)
    hazard = WinHazard.fit(
        landmarks, next_win_days(landmarks, wins), origin, history.fiscal, settings.hazard, seed
    )
    return Learned(hazard, AmountDrift.fit(landmarks, wins))


@dataclass(frozen=True)
class Sources:
    """Where revenue may come from. Arrays of shape (n,) unless said otherwise.

    Attributes:
        user_ids: people whom sources count for, sorted.
        user: place of each source's user.
        part: OPEN or NEW.
        is_single: whether the source is won at most once (else any number of times).
        amount: expected amount of one win, corporate currency.
        spread: row of the amount drift's spread table.
        currency: currency of the source.
        win: summed hazard (single sources) or expected wins (others) by each horizon, shape
            (n, h), not decreasing.
        horizons: days after the origin, ascending, shape (h,).
    """

    user_ids: list[str]
    user: Ints
    part: Ints
    is_single: np.typing.NDArray[np.bool_]
    amount: Floats
    spread: Ints
    currency: list[str]
    win: Floats
    horizons: Ints

    def expected_wins(self) -> Floats:
        """Probability or expected number of wins by each horizon, shape (n, h)."""
        return np.where(self.is_single[:, None], -np.expm1(-self.win), self.win)

    def expected(self) -> Floats:
        """Expected revenue by user, part and horizon, shape (users, 2, h)."""
        total = np.zeros((len(self.user_ids), 2, len(self.horizons)))
        np.add.at(total, (self.user, self.part), self.expected_wins() * self.amount[:, None])
        return total

    def response(self) -> Floats:
        """How much expected revenue moves with the logarithm of all hazards and rates of a user.

        Shape (users, h); what a shock adds to the variance is its square times exp(s²) - 1.
        """
        wins = np.where(self.is_single[:, None], self.win * np.exp(-self.win), self.win)
        total = np.zeros((len(self.user_ids), len(self.horizons)))
        np.add.at(total, self.user, wins * self.amount[:, None])
        return total

    def scaled(self, *, win: float | Floats = 1.0, amount: float | Floats = 1.0) -> Sources:
        """The same sources with more or less win (hazard) or amount."""
        return replace(self, win=self.win * win, amount=self.amount * amount)


def revenue_sources(
    history: RevenueHistory,
    origin: date,
    learned: Learned,
    settings: RevenueSettings,
    horizons: Ints,
) -> Sources:
    """All sources of revenue after an origin.

    Args:
        history: what is known; only what was known on the origin's evening is used.
        origin: the evening.
        learned: from that evening or before.
        settings: how business to come is estimated.
        horizons: days after the origin, ascending, shape (h,).
    """
    pipeline = history.open_on(origin)
    returns = returns_by(history, origin)
    pool, per_day = arrival_pool(history, origin, returns, settings)
    chances = wins_of_cohorts(learned.hazard, pool, origin, horizons)
    renewals = history.births(origin, settings.pool_days).filter(
        pl.col("opportunity_type") == RENEWAL
    )
    soon_won = SegmentChances.of_renewals(
        learned.hazard, renewals.tail(settings.max_pool // 2), origin, horizons
    )
    coming_back = returning_arrivals(history, origin, returns, soon_won, horizons)
    days = days_of_weeks(horizons)
    pool_wins = np.einsum("wnh,wh->nh", chances, days) * per_day[:, None]
    neutral = len(learned.amounts.spread_table()[1]) - 1
    owners = [
        *closing_owners(history, origin, pipeline, "owner_user_id"),
        *closing_owners(history, origin, coming_back.sources, "user_id"),
        *closing_owners(history, origin, pool, "owner_user_id"),
    ]
    user_ids = sorted(set(owners))
    place = {user: number for number, user in enumerate(user_ids)}
    counts = (pipeline.height, coming_back.sources.height, pool.height)
    return Sources(
        user_ids=user_ids,
        user=np.array([place[user] for user in owners], dtype=np.int64),
        part=np.repeat([OPEN, NEW, NEW], counts).astype(np.int64),
        is_single=np.repeat([True, True, False], counts),
        amount=np.concatenate(
            [
                learned.amounts.expected(pipeline),
                coming_back.sources["amount"].to_numpy(),
                learned.amounts.expected(pool),
            ]
        ),
        spread=np.concatenate(
            [
                learned.amounts.spread_rows(pipeline["stage"]),
                np.full(counts[1] + counts[2], neutral, dtype=np.int64),
            ]
        ),
        currency=[
            *pipeline["currency_code"],
            *coming_back.sources["currency_code"],
            *pool["currency_code"],
        ],
        win=np.concatenate(
            [
                learned.hazard.cumulative(pipeline, horizons),
                -np.log1p(-np.minimum(coming_back.wins, 0.999)),
                pool_wins,
            ]
        ),
        horizons=horizons,
    )


@dataclass(frozen=True)
class Paths:
    """Simulated revenue after an origin.

    Attributes:
        by_user: shape (users, h, simulations).
    """

    by_user: Floats


@dataclass(frozen=True)
class Shocks:
    """How much better or worse everything may go at once, as standard deviations of logarithms.

    Attributes:
        common: of the whole company.
        personal: of each person's sources: form, deals handed over, absences.
    """

    common: float
    personal: float


NO_SHOCKS = Shocks(0.0, 0.0)


def simulate(
    sources: Sources, spread_table: Floats, shocks: Shocks, simulations: int, seed: int
) -> Paths:
    """Draw futures: which sources are won by when and for how much, under shocks.

    In each path every hazard and rate is multiplied by exp(s·z - s²/2) for the common and for the
    owner's personal shock. Hazards are raised before, so that the chance to win is on average over
    the shocks what it is without them: good luck adds less to it than bad luck takes. A path holds
    all horizons, so a longer window never brings less than a shorter one.

    Args:
        sources: see `Sources`.
        spread_table: see `AmountDrift.spread_table`.
        shocks: how strong they are.
        simulations: number of paths.
        seed: the same seed gives the same paths.
    """
    rng = np.random.default_rng(seed)
    users = len(sources.user_ids)
    log_factor = (
        shocks.common * rng.standard_normal(simulations)
        + shocks.personal * rng.standard_normal((users, simulations))
        - (shocks.common**2 + shocks.personal**2) / 2
    )
    factor = np.exp(log_factor)
    by_user = np.zeros((users, len(sources.horizons), simulations))
    single = np.flatnonzero(sources.is_single)
    patience = rng.exponential(size=(len(single), simulations)) / factor[sources.user[single]]
    win = hazard_under(sources.win[single], shocks)
    drawn = rng.integers(0, spread_table.shape[1], size=(len(single), simulations))
    value = sources.amount[single, None] * spread_table[sources.spread[single, None], drawn]
    members = _membership(sources.user[single], users)
    for column in range(len(sources.horizons)):
        won = win[:, column, None] > patience
        by_user[:, column] = members @ np.where(won, value, 0.0)
    many = np.flatnonzero(~sources.is_single)
    members = _membership(sources.user[many], users) * sources.amount[many]
    steps = np.maximum(np.diff(sources.win[many], axis=1, prepend=0.0), 0.0)
    lots = rng.random((len(many), len(sources.horizons), simulations))
    total = np.zeros((len(many), simulations))
    for column in range(len(sources.horizons)):
        rate = steps[:, column, None] * factor[sources.user[many]]
        total = total + _poisson(lots[:, column], rate)
        by_user[:, column] += members @ total
    return Paths(by_user)


def hazard_under(win: Floats, shocks: Shocks) -> Floats:
    """The summed hazards that have, averaged over the shocks, the chances of these without any."""
    spread = float(np.hypot(shocks.common, shocks.personal))
    if spread == 0:
        return win
    places, weights = np.polynomial.hermite_e.hermegauss(HERMITE_POINTS)
    factors = np.exp(spread * places - spread**2 / 2)
    survival = np.exp(-HAZARDS[:, None] * factors) @ (weights / weights.sum())
    return np.interp(win, -np.log(survival), HAZARDS)


def _poisson(lots: Floats, rates: Floats) -> Floats:
    """Poisson numbers by inversion: for the same lot, a higher rate never gives a smaller number.

    So two scenarios that differ in a rate differ by its effect and not by other luck.
    """
    term = np.exp(-rates)
    cumulated = term.copy()
    counts = np.zeros(rates.shape)
    for number in range(1, MOST_WINS + 1):
        above = lots > cumulated
        if not above.any():
            break
        counts += above
        term = term * rates / number
        cumulated += term
    return counts


def _membership(user: Ints, users: int) -> Floats:
    members = np.zeros((users, len(user)))
    members[user, np.arange(len(user))] = 1.0
    return members
