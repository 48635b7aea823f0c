"""Business that is not in the pipeline yet: deals that will appear after the origin.

Two kinds. Customers come back: a deal that was won is followed by a renewal of the same account
after a time that the past shows, so what was won a while ago says what will appear soon. Everything
else appears at the rate of the months before the origin, and the deals that appeared then stand for
those to come. Either kind then lives through the same hazard as the open pipeline.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl

from ml_assets.hashing import stable_fraction
from ml_assets.revenue.calendar import Floats, Ints, day_number, day_numbers
from ml_assets.revenue.hazard import WinHazard
from ml_assets.revenue.history import RevenueHistory
from ml_assets.revenue.settings import RevenueSettings

RENEWAL = "renewal"
SHORTEST_RETURN_DAYS = 120
LONGEST_RETURN_WEEKS = 120
KERNEL = np.array([1.0, 2.0, 3.0, 2.0, 1.0]) / 9.0
FEWEST_AT_RISK = 5.0
FEWEST_RENEWALS = 5
WEEK = 7
WEEKS_AHEAD = 13


@dataclass(frozen=True)
class Returns:
    """Won deals and the renewals that followed them.

    Attributes:
        wins: account_id, user_id, opportunity_type, segment, currency_code, booked_date, amount,
            returned_date (null = not yet) of wins by the origin.
        unmatched: opportunity_id of renewals of which no former deal is known.
        hazard: probability by week since the booking that a deal that has not returned does.
        amount_ratio: amount of renewals over that of the deals they follow.
    """

    wins: pl.DataFrame
    unmatched: pl.Series
    hazard: Floats
    amount_ratio: float


def returns_by(history: RevenueHistory, origin: date) -> Returns:
    """Match renewals that had appeared by an origin to the wins of the same account before them.

    A renewal follows the earliest win of its account that has no renewal yet and is old enough.
    """
    wins = history.won_by(origin).filter(pl.col("account_id").is_not_null())
    wins = wins.sort("account_id", "booked_date", "opportunity_id")
    renewals = (
        history["deals"]
        .filter((pl.col("opportunity_type") == RENEWAL) & (pl.col("first_seen_date") <= origin))
        .sort("account_id", "first_seen_date", "opportunity_id")
    )
    returned, unmatched, follows = _matched(wins, renewals)
    matched = wins.with_columns(returned_date=pl.Series(returned, dtype=pl.Date))
    weeks = (
        (matched["returned_date"].fill_null(origin) - matched["booked_date"]).dt.total_days()
        // WEEK
    ).to_numpy()
    at_risk, events = np.zeros(LONGEST_RETURN_WEEKS), np.zeros(LONGEST_RETURN_WEEKS)
    came_back = matched["returned_date"].is_not_null().to_numpy()
    for week, event in zip(weeks, came_back, strict=True):
        at_risk[: max(week, 0) + 1] += 1
        if event and week < LONGEST_RETURN_WEEKS:
            events[week] += 1
    hazard = np.convolve(events, KERNEL, "same") / np.maximum(
        np.convolve(at_risk, KERNEL, "same"), FEWEST_AT_RISK
    )
    return Returns(matched, unmatched, hazard, _amount_ratio(history, origin, follows, wins))


def _matched(
    wins: pl.DataFrame, renewals: pl.DataFrame
) -> tuple[list[date | None], pl.Series, dict[str, str]]:
    """Day of each win's renewal, renewals without a win, and which win each renewal follows."""
    returned: list[date | None] = [None] * wins.height
    places: dict[str, list[int]] = {}
    for place, account in enumerate(wins["account_id"]):
        places.setdefault(account, []).append(place)
    booked, ids = wins["booked_date"].to_list(), wins["opportunity_id"].to_list()
    unmatched: list[str] = []
    follows: dict[str, str] = {}
    for deal, account, day in renewals.select(
        "opportunity_id", "account_id", "first_seen_date"
    ).iter_rows():
        latest = day - timedelta(days=SHORTEST_RETURN_DAYS)
        free = [
            place
            for place in places.get(account, [])
            if returned[place] is None and booked[place] <= latest
        ]
        if free:
            returned[free[0]] = day
            follows[deal] = ids[free[0]]
        else:
            unmatched.append(deal)
    return returned, pl.Series("opportunity_id", unmatched, dtype=pl.String), follows


def _amount_ratio(
    history: RevenueHistory, origin: date, follows: dict[str, str], wins: pl.DataFrame
) -> float:
    """Booked amounts of won renewals over the booked amounts of the deals they follow."""
    amounts = dict(wins.select("opportunity_id", "amount").iter_rows())
    pairs = [
        (amounts[deal], amounts[former]) for deal, former in follows.items() if deal in amounts
    ]
    below = sum(former for _, former in pairs)
    return sum(amount for amount, _ in pairs) / below if below > 0 else 1.0


@dataclass(frozen=True)
class Arrivals:
    """Expected business of one kind, one row per source of it.

    Attributes:
        sources: user_id, account_id, currency_code, amount (expected when won) of each source.
        wins: expected number of wins by each horizon, shape (n, h), not decreasing.
    """

    sources: pl.DataFrame
    wins: Floats


def arrival_pool(
    history: RevenueHistory, origin: date, returns: Returns, settings: RevenueSettings
) -> tuple[pl.DataFrame, Floats]:
    """Deals that stand for those to come, and how many a day each stands for."""
    births = history.births(origin, settings.pool_days)
    is_renewal = pl.col("opportunity_type") == RENEWAL
    unmatched = births.filter(
        is_renewal
        & pl.col("opportunity_id").is_in(returns.unmatched.implode())
        & (pl.col("as_of_date") > origin - timedelta(days=settings.unmatched_days))
    )
    other = births.filter(~is_renewal)
    pool = pl.concat(
        [
            other.with_columns(per_day=pl.lit(1.0 / settings.pool_days)),
            unmatched.with_columns(per_day=pl.lit(1.0 / settings.unmatched_days)),
        ]
    )
    if pool.height > settings.max_pool:
        lot = stable_fraction(pool["opportunity_id"].to_list(), "revenue pool")
        kept = np.sort(np.argsort(lot, kind="stable")[: settings.max_pool])
        pool = pool[kept].with_columns(per_day=pl.col("per_day") * pool.height / settings.max_pool)
    return pool, pool["per_day"].to_numpy()


def wins_of_cohorts(hazard: WinHazard, pool: pl.DataFrame, origin: date, horizons: Ints) -> Floats:
    """Probability that each pool deal, appearing in each week after the origin, is won in time.

    Returns:
        Shape (weeks, n, h).
    """
    chances = np.zeros((WEEKS_AHEAD, pool.height, len(horizons)))
    middles = np.arange(WEEKS_AHEAD, dtype=np.int64) * WEEK + WEEK // 2
    middles = middles[middles < horizons.max(initial=0)]
    if not len(middles) or pool.is_empty():
        return chances
    count = len(middles)
    evenings = day_number(origin) + np.repeat(middles, pool.height)
    shift = evenings - np.tile(day_numbers(pool["as_of_date"]), count)
    moved = pool[np.tile(np.arange(pool.height), count)].with_columns(
        as_of_date=pl.Series(evenings).cast(pl.Int32).cast(pl.Date),
        close_date=pl.col("close_date") + pl.duration(days=pl.lit(pl.Series(shift))),
    )
    left = np.maximum(horizons[None, :] - middles[:, None], 0)
    cumulated = hazard.cumulative(moved, np.repeat(left, pool.height, axis=0))
    chances[:count] = (1 - np.exp(-cumulated)).reshape(count, pool.height, len(horizons))
    return chances


def days_of_weeks(horizons: Ints) -> Floats:
    """Days of each week after the origin that lie before each horizon, shape (weeks, h)."""
    starts = np.arange(WEEKS_AHEAD)[:, None] * WEEK
    return np.clip(horizons[None, :] - starts, 0, WEEK).astype(np.float64)


@dataclass(frozen=True)
class SegmentChances:
    """Probability that a renewal that appears in each week after the origin is won in time.

    Attributes:
        by_segment: shape (weeks, h) each; large customers take longer.
        overall: the same over all segments.
    """

    by_segment: dict[str, Floats]
    overall: Floats

    @classmethod
    def of_renewals(
        cls, hazard: WinHazard, renewals: pl.DataFrame, origin: date, horizons: Ints
    ) -> SegmentChances:
        """From the latest renewals, as if they appeared in the weeks to come.

        Args:
            hazard: of winning.
            renewals: first evenings of renewals, with `segment`.
            origin: the evening.
            horizons: days after it, shape (h,).
        """
        chances = wins_of_cohorts(hazard, renewals, origin, horizons)
        if renewals.is_empty():
            return cls({}, np.zeros((WEEKS_AHEAD, len(horizons))))
        segments = np.array([segment or "" for segment in renewals["segment"]])
        by_segment = {
            str(segment): chances[:, segments == segment].mean(axis=1)
            for segment in np.unique(segments)
            if (segments == segment).sum() >= FEWEST_RENEWALS
        }
        return cls(by_segment, chances.mean(axis=1))

    def of(self, segment: str | None) -> Floats:
        """Of a segment, or overall where too few of it are known."""
        return self.by_segment.get(segment or "", self.overall)


def returning_arrivals(
    history: RevenueHistory,
    origin: date,
    returns: Returns,
    chances: SegmentChances,
    horizons: Ints,
) -> Arrivals:
    """Renewals that are expected to appear and be won, one source per won deal not yet renewed.

    Args:
        history: what is known.
        origin: the evening.
        returns: see `returns_by`.
        chances: how likely renewals are won in time.
        horizons: days after the origin, shape (h,).
    """
    waiting = returns.wins.filter(pl.col("returned_date").is_null()).with_columns(
        amount=pl.col("amount") * returns.amount_ratio
    )
    age = (day_number(origin) - day_numbers(waiting["booked_date"])) / WEEK
    appears = np.zeros((waiting.height, WEEKS_AHEAD))
    staying = np.ones(waiting.height)
    for week in range(WEEKS_AHEAD):
        at = (age + week + 0.5).astype(np.int64)
        known = (at >= 0) & (at < LONGEST_RETURN_WEEKS)
        chance = np.where(known, returns.hazard[np.clip(at, 0, LONGEST_RETURN_WEEKS - 1)], 0.0)
        appears[:, week] = staying * chance
        staying = staying * (1 - chance)
    share = days_of_weeks(horizons) / WEEK
    won = np.stack([chances.of(segment) for segment in waiting["segment"]] or [chances.overall])
    wins = np.einsum("nw,nwh,wh->nh", appears, won[: waiting.height], share)
    likely = wins[:, -1] > 1e-6 if wins.shape[1] else np.zeros(0, dtype=bool)
    return Arrivals(waiting.filter(pl.Series(likely)), wins[likely])
