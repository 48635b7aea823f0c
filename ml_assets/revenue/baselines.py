"""What the forecast is held against: the ways in which a company forecasts without a model.

Each gives an amount per user and window, so that nodes add up, as it would have been worked out on
the evening of the origin. What a baseline has no figure for is NaN.

| baseline | forecast |
|---|---|
| seasonal_naive | what was won in the same window a year before |
| previous_quarter | what was won in the same window a fiscal quarter before |
| weighted_pipeline | open deals due in the window times their CRM probability |
| stage_rate | the same with the share of deals in their stage that were won |
| point_in_period | open pipeline times what was won per open amount from the same day of quarters |
| rep_commit | the standing commit calls of the reps (the fiscal quarter only) |
| manager_override | the same with a superior's figure where there is one |

For the fiscal quarter the first five are added to what is won already.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cached_property

import numpy as np
import polars as pl

from ml_assets.revenue.calendar import Floats
from ml_assets.revenue.history import UNASSIGNED, RevenueHistory
from ml_assets.revenue.organisation import closing_owners, holding_at
from ml_assets.revenue.windows import Window, same_days_before

YEAR = timedelta(days=365)
SETTLING = timedelta(days=14)


@dataclass(frozen=True)
class Position:
    """What the baselines of an origin look at.

    Attributes:
        history: everything known.
        origin: the evening.
        pipeline: open deals, with `closing_owner`.
        user_ids: whom the amounts are for, `unassigned` among them; what others have counts for
            `unassigned`.
    """

    history: RevenueHistory
    origin: date
    pipeline: pl.DataFrame
    user_ids: list[str]

    def by_user(self, frame: pl.DataFrame, user: str, amount: str) -> Floats:
        """Sum of a column by user, in the order of `user_ids`."""
        listed = pl.col(user).is_in(self.user_ids)
        sums = dict(
            frame.group_by(pl.when(listed).then(pl.col(user)).otherwise(pl.lit(UNASSIGNED)))
            .agg(pl.col(amount).sum())
            .iter_rows()
        )
        return np.array([float(sums.get(user_id) or 0.0) for user_id in self.user_ids])

    @cached_property
    def known_from(self) -> date | None:
        """See `RevenueHistory.known_from`, of the origin."""
        return self.history.known_from(self.origin)

    @cached_property
    def won(self) -> pl.DataFrame:
        """Won and known by the origin, with whoever would close a deal of the account now as heir.

        So what people who have left had won is not lost.
        """
        won = self.history.won_by(self.origin)
        owners = closing_owners(self.history, self.origin, won, "user_id")
        return won.with_columns(heir=pl.Series(owners, dtype=pl.String))

    @cached_property
    def stage_win_rates(self) -> dict[str, float]:
        """See `stage_win_rates`, of the origin."""
        return stage_win_rates(self.history, self.origin)

    @cached_property
    def earlier_days(self) -> list[tuple[date, float]]:
        """The same day of earlier quarters of which closings are known, and its open pipeline."""
        found: list[tuple[date, float]] = []
        for day in same_days_before(self.origin, self.history.fiscal):
            if self.known_from is not None and day >= self.known_from:
                before = self.history.open_on(day)
                if not before.is_empty():
                    found.append((day, float(before["amount"].sum())))
        return found

    def booked_between(self, after: date, until: date) -> pl.DataFrame:
        """The rows of `won` with a booking in (after, until]."""
        return self.won.filter((pl.col("booked_date") > after) & (pl.col("booked_date") <= until))

    def won_between(self, after: date, until: date) -> Floats | None:
        """Won in (after, until], by heir; None before history."""
        since = self.known_from
        if since is None or after + timedelta(days=1) < since - SETTLING:
            return None
        return self.by_user(self.booked_between(after, until), "heir", "amount")


def seasonal_naive(position: Position, window: Window) -> Floats | None:
    """What was won in the same window a year before."""
    return position.won_between(window.origin - YEAR, window.end - YEAR)


def previous_quarter(position: Position, window: Window) -> Floats | None:
    """What was won in the same window a fiscal quarter before."""
    earlier = same_days_before(window.origin, position.history.fiscal)
    if not earlier:
        return None
    end = earlier[0] + timedelta(days=window.days)
    return position.won_between(earlier[0], end) if end <= window.origin else None


def _due(position: Position, window: Window) -> pl.DataFrame:
    quarter_start, _ = position.history.fiscal.running(window.origin)
    return position.pipeline.filter(
        (pl.col("close_date") >= quarter_start) & (pl.col("close_date") <= window.end)
    )


def weighted_pipeline(position: Position, window: Window) -> Floats | None:
    """Open deals due in the window times their CRM probability, or their stage's."""
    defaults = position.history["stage_defaults"]
    weighed = (
        _due(position, window)
        .join(defaults, on="stage", how="left")
        .with_columns(
            expected=pl.col("amount").fill_null(0.0)
            * pl.coalesce("crm_probability", "default_probability", pl.lit(0.0))
        )
    )
    return position.by_user(weighed, "closing_owner", "expected")


def stage_win_rates(history: RevenueHistory, origin: date) -> dict[str, float]:
    """Of deals that had been in a stage and were closed by the origin, the share that was won."""
    standing = history["closings"].filter(
        pl.col("known_date") <= origin,
        pl.col("undone_date").is_null() | (pl.col("undone_date") > origin),
    )
    visited = history["visits"].join(
        standing.select("opportunity_id", "is_won", "known_date"), on="opportunity_id"
    )
    rates = (
        visited.filter(pl.col("entered_date") <= pl.col("known_date"))
        .group_by("stage")
        .agg(pl.col("is_won").mean())
    )
    return dict(rates.iter_rows())


def stage_rate(position: Position, window: Window) -> Floats | None:
    """Open deals due in the window times the share of deals in their stage that were won."""
    rates = position.stage_win_rates
    due = _due(position, window)
    chance = pl.Series("chance", [rates.get(stage, 0.0) for stage in due["stage"]], pl.Float64)
    weighed = due.with_columns(expected=pl.col("amount").fill_null(0.0) * chance)
    return position.by_user(weighed, "closing_owner", "expected")


def point_in_period(position: Position, window: Window) -> Floats | None:
    """Open pipeline times the share that was won in time of the pipeline of past quarters' day."""
    won = pipeline = 0.0
    for day, was_open in position.earlier_days:
        end = day + timedelta(days=window.days)
        if end <= window.origin:
            won += float(position.booked_between(day, end)["amount"].sum())
            pipeline += was_open
    if pipeline <= 0:
        return None
    return position.by_user(position.pipeline, "closing_owner", "amount") * (won / pipeline)


def _calls(position: Position, window: Window, *, with_overrides: bool) -> Floats | None:
    """Standing commit calls, for the running quarter, of people in office with nobody below."""
    if not window.is_quarter:
        return None
    end = datetime.combine(window.origin + timedelta(days=1), time())
    history = position.history
    users = holding_at(history["users"], "user_id", window.origin)
    superiors = history["superiors"].filter(
        (pl.col("valid_from") < end) & (pl.col("valid_to").is_null() | (pl.col("valid_to") >= end))
    )
    standing = history["calls"].filter(
        pl.col("period_start") == window.start,
        pl.col("submitted_at") < end,
        pl.col("superseded_at").is_null() | (pl.col("superseded_at") >= end),
        pl.col("user_id").is_in(users.filter("is_in_office")["user_id"].implode()),
        ~pl.col("user_id").is_in(superiors["user_id"].implode()),
    )
    if standing.is_empty():
        return None
    latest = standing.sort("submitted_at").group_by("user_id", "is_override").last()
    own = latest.filter(~pl.col("is_override")).select("user_id", "submitted_at", "amount")
    if not with_overrides:
        return position.by_user(own, "user_id", "amount")
    over = latest.filter("is_override").select(
        "user_id", overridden_at="submitted_at", override="amount"
    )
    judged = own.join(over, on="user_id", how="full", coalesce=True).with_columns(
        call=pl.when(
            pl.col("amount").is_null() | (pl.col("overridden_at") >= pl.col("submitted_at"))
        )
        .then("override")
        .otherwise("amount")
    )
    return position.by_user(judged, "user_id", "call")


def rep_commit(position: Position, window: Window) -> Floats | None:
    """The standing commit calls of the reps."""
    return _calls(position, window, with_overrides=False)


def manager_override(position: Position, window: Window) -> Floats | None:
    """The reps' calls, with a superior's figure in the place of those that were overridden."""
    return _calls(position, window, with_overrides=True)


Baseline = Callable[[Position, Window], Floats | None]
OF_WHAT_IS_LEFT: dict[str, Baseline] = {
    "seasonal_naive": seasonal_naive,
    "previous_quarter": previous_quarter,
    "weighted_pipeline": weighted_pipeline,
    "stage_rate": stage_rate,
    "point_in_period": point_in_period,
}
OF_THE_WHOLE: dict[str, Baseline] = {
    "rep_commit": rep_commit,
    "manager_override": manager_override,
}
BASELINES = (*OF_WHAT_IS_LEFT, *OF_THE_WHOLE)


def baseline_amounts(
    position: Position, windows: tuple[Window, ...], already_won: Floats
) -> dict[str, Floats]:
    """Every baseline by user and window, shape (users, h); NaN where it has no figure.

    Args:
        position: what is looked at.
        windows: of the origin.
        already_won: by user and window, shape (users, h).
    """
    amounts: dict[str, Floats] = {}
    for name, baseline in (OF_WHAT_IS_LEFT | OF_THE_WHOLE).items():
        columns: list[Floats] = []
        for number, window in enumerate(windows):
            found = baseline(position, window)
            if found is None:
                columns.append(np.full(len(position.user_ids), np.nan))
            elif name in OF_WHAT_IS_LEFT:
                columns.append(already_won[:, number] + found)
            else:
                columns.append(found)
        amounts[name] = np.stack(columns, axis=1)
    return amounts
