"""The forecast as it would have been made on earlier evenings, beside the baselines and what came.

Everything is done again for each origin: learning, business to come, the width of the intervals,
with nothing but what was known then. The first origins only serve the intervals of the later ones
and are not judged.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np
import polars as pl

from ml_assets.hashing import stable_fraction
from ml_assets.revenue.baselines import BASELINES, Position, baseline_amounts
from ml_assets.revenue.calendar import Floats, day_number, day_numbers
from ml_assets.revenue.engine import (
    NEW,
    NO_SHOCKS,
    OPEN,
    Learned,
    Shocks,
    Sources,
    learn,
    revenue_sources,
    simulate,
)
from ml_assets.revenue.history import BOOKINGS, UNASSIGNED, RevenueHistory
from ml_assets.revenue.intervals import (
    Intervals,
    Miss,
    Outcome,
    Residuals,
    position_in_paths,
)
from ml_assets.revenue.organisation import Nodes, closing_owners, nodes_on
from ml_assets.revenue.settings import QUANTILES, RevenueSettings
from ml_assets.revenue.windows import Window, days_ahead, windows_of

SMALLEST_RATIO = 0.05


def quantile_column(quantile: float) -> str:
    """Name of a quantile's column: q0025 for 0.025."""
    return f"q{round(quantile * 1000):04d}"


QUANTILE_COLUMNS = tuple(quantile_column(quantile) for quantile in QUANTILES)


@dataclass(frozen=True)
class Evening:
    """What is expected on an evening, for whom.

    Attributes:
        origin: the evening.
        windows: shortest first.
        learned: what the expectation is made with.
        sources: where revenue may come from.
        user_ids: everybody who is expected to win, or has won, something.
        nodes: of these on that evening.
        already_won: by user and window, shape (users, h); not 0 for the fiscal quarter only.
        expected: by user, part and window, shape (users, 2, h), in whole cents, so that nodes add
            up to the cent.
    """

    origin: date
    windows: tuple[Window, ...]
    learned: Learned
    sources: Sources
    user_ids: list[str]
    nodes: Nodes
    already_won: Floats
    expected: Floats

    def paths(self, shocks: Shocks, simulations: int, seed: int) -> Floats:
        """Simulated revenue of the nodes, what is won included, shape (nodes, h, simulations)."""
        drawn = simulate(
            self.sources, self.learned.amounts.spread_table()[1], shocks, simulations, seed
        )
        total = (
            _spread(drawn.by_user, self.sources.user_ids, self.user_ids)
            + self.already_won[:, :, None]
        )
        return self.nodes.totals(total)

    def response(self) -> Floats:
        """See `Sources.response`, of all users."""
        return _spread(self.sources.response(), self.sources.user_ids, self.user_ids)


def evening_of(
    history: RevenueHistory,
    origin: date,
    learned: Learned,
    settings: RevenueSettings,
    won: pl.DataFrame,
    others: Sequence[str] = (),
) -> Evening:
    """Work out what is expected on an evening.

    Args:
        history: what is known.
        origin: the evening.
        learned: from that evening or before.
        settings: parameters.
        won: user_id, booked_date and amount of what stood as won on that evening.
        others: people to list although nothing is expected of them.
    """
    windows = windows_of(origin, history.fiscal, settings)
    sources = revenue_sources(history, origin, learned, settings, days_ahead(windows))
    quarter = next(window for window in windows if window.is_quarter)
    in_quarter = won.filter(pl.col("booked_date").is_between(quarter.start, quarter.end))
    user_ids = sorted({*sources.user_ids, *in_quarter["user_id"], *others})
    sums = dict(in_quarter.group_by("user_id").agg(pl.col("amount").sum()).iter_rows())
    so_far = np.array([float(sums.get(user, 0.0)) for user in user_ids])
    is_quarter = np.array([window.is_quarter for window in windows], dtype=np.float64)
    return Evening(
        origin=origin,
        windows=windows,
        learned=learned,
        sources=sources,
        user_ids=user_ids,
        nodes=nodes_on(history, origin, user_ids),
        already_won=so_far[:, None].round(2) * is_quarter,
        expected=_spread(sources.expected(), sources.user_ids, user_ids).round(2),
    )


def with_sources(evening: Evening, sources: Sources, nodes: Nodes, user_ids: list[str]) -> Evening:
    """The same evening with other sources.

    Args:
        evening: the evening.
        sources: whose users are among `user_ids`.
        nodes: of these on the evening.
        user_ids: everybody to list, those of the evening included.
    """
    return replace(
        evening,
        sources=sources,
        user_ids=user_ids,
        nodes=nodes,
        already_won=_spread(evening.already_won, evening.user_ids, user_ids),
        expected=_spread(sources.expected(), sources.user_ids, user_ids).round(2),
    )


def _spread(values: Floats, user_ids: Sequence[str], onto: Sequence[str]) -> Floats:
    """From some users to more of them, along the first axis; who is not there has 0."""
    place = {user: number for number, user in enumerate(onto)}
    total = np.zeros((len(onto), *values.shape[1:]))
    total[[place[user] for user in user_ids]] = values
    return total


@dataclass(frozen=True)
class Replayed:
    """An evening of the backtest, kept until its windows are over and can be learnt from.

    Attributes:
        evening: the evening.
        paths: of the nodes, shape (nodes, h, simulations).
        lot: what decides among paths that are equal to an outcome, shape (nodes, h).
        chance: variance of the nodes over paths without shocks, shape (nodes, h).
        log_chance: the same of the logarithm of the company's over its expectation, shape (h,).
        response: what personal shocks add to `chance`, per unit of exp(s²) - 1, shape (nodes, h).
    """

    evening: Evening
    paths: Floats
    lot: Floats
    chance: Floats
    log_chance: Floats
    response: Floats

    @classmethod
    def of(cls, evening: Evening, paths: Floats, settings: RevenueSettings, seed: int) -> Replayed:
        """Of an evening and its paths under the shocks that were known of then."""
        nodes = evening.nodes
        keys = [
            f"{evening.origin}/{kind}/{node_id}/{window.name}"
            for kind, node_id in zip(nodes.node_type, nodes.node_id, strict=True)
            for window in evening.windows
        ]
        quiet = evening.paths(NO_SHOCKS, settings.backtest_simulations, seed)
        company = int(nodes.of_type("company")[0])
        total = nodes.totals(evening.expected)[company].sum(axis=0)
        left = quiet[company] - nodes.totals(evening.already_won)[company][:, None]
        ratio = left / np.where(total > 0, total, np.inf)[:, None]
        return cls(
            evening=evening,
            paths=paths,
            lot=stable_fraction(keys, "position").reshape(paths.shape[:2]),
            chance=quiet.var(axis=2),
            log_chance=np.log(np.maximum(ratio, SMALLEST_RATIO)).var(axis=1),
            response=np.einsum("nu,uh->nh", nodes.members**2, evening.response() ** 2),
        )

    def positions(self, actual: Floats) -> Floats:
        """Where outcomes lie in their paths, shape (nodes, h)."""
        paths = self.paths.reshape(-1, self.paths.shape[2])
        placed = position_in_paths(actual.reshape(-1), paths, self.lot.reshape(-1))
        return placed.reshape(actual.shape)

    def outcomes(self, known: pl.DataFrame, clock: date) -> list[Outcome]:
        """How the windows that were over on an evening had turned out, as far as known then.

        Args:
            known: user_id, booked_date and amount of what stood as won on the evening.
            clock: the evening.
        """
        evening, nodes = self.evening, self.evening.nodes
        over = [place for place, window in enumerate(evening.windows) if window.end <= clock]
        if not over:
            return []
        actual = nodes.totals(_booked(known, evening.windows, evening.user_ids))
        kinds = np.array(nodes.node_type)
        expected = nodes.totals(evening.expected).sum(axis=1)
        left = actual - nodes.totals(evening.already_won)
        positions = self.positions(actual)
        open_ended = (expected > 0) | (left > 0)
        reps = (kinds == "rep")[:, None] & (expected > 0) & (self.chance > 0)
        company = int(nodes.of_type("company")[0])
        found: list[Outcome] = []
        for place in over:
            usable, total = reps[:, place], float(expected[company, place])
            came = float(left[company, place])
            miss = None
            if total > 0 and came > SMALLEST_RATIO * total:
                miss = Miss(
                    float(np.log(came / total)),
                    float(self.log_chance[place]),
                    float(self.response[company, place]) / total**2,
                )
            residuals = Residuals(
                (left - expected)[usable, place] ** 2,
                self.chance[usable, place],
                self.response[usable, place],
            )
            by_type = {
                kind: positions[(kinds == kind) & open_ended[:, place], place]
                for kind in sorted(set(nodes.node_type))
            }
            found.append(Outcome(evening.origin, miss, residuals, by_type))
        return found


def _booked(known: pl.DataFrame, windows: Sequence[Window], user_ids: Sequence[str]) -> Floats:
    """What is won, by user and window, shape (users, h); others' counts for UNASSIGNED."""
    known = known.drop_nulls("booked_date")
    place = {user: number for number, user in enumerate(user_ids)}
    users = np.array([place.get(user, place[UNASSIGNED]) for user in known["user_id"]], np.int64)
    days = day_numbers(known["booked_date"])
    amounts = known["amount"].cast(pl.Float64).fill_null(0.0).to_numpy()
    total = np.zeros((len(user_ids), len(windows)))
    for column, window in enumerate(windows):
        within = (days >= day_number(window.start)) & (days <= day_number(window.end))
        np.add.at(total[:, column], users[within], amounts[within])
    return total


@dataclass(frozen=True)
class Backtest:
    """Forecasts of earlier evenings.

    Attributes:
        frame: one row per origin, window and node, see `run_backtest`.
        misses: of the company, per origin and window: origin_date, is_judged, log_ratio, chance
            (see `Miss`).
        intervals: learnt from all of them, for forecasts to come.
    """

    frame: pl.DataFrame
    misses: pl.DataFrame
    intervals: Intervals


def run_backtest(
    history: RevenueHistory, origins: Sequence[date], settings: RevenueSettings, seed: int
) -> Backtest:
    """Forecast every origin's windows as of then.

    Args:
        history: with the evenings of the origins and those the baselines look at.
        origins: ascending.
        settings: parameters.
        seed: of every random choice.

    Returns:
        `frame` has origin_date, horizon ("30", "60", "90", "fiscal_quarter"), horizon_days,
        window_start, window_end, node_type, node_id, is_judged, actual, already_won,
        from_open_pipeline, from_new_business, mean, position (the quantile that the actual lies at,
        by lot where paths are equal to it), a column per quantile, a column per baseline (null
        where it has no figure).
    """
    replayed: list[Replayed] = []
    frames: list[pl.DataFrame] = []
    for number, origin in enumerate(origins):
        learned = learn(history, origin, settings, seed)
        actual_by_user = _actuals(history, windows_of(origin, history.fiscal, settings))
        known = history.won_by(origin)
        evening = evening_of(
            history,
            origin,
            learned,
            settings,
            known,
            sorted({UNASSIGNED, *(user for users in actual_by_user for user in users)}),
        )
        intervals = Intervals.learn(
            [outcome for past in replayed for outcome in past.outcomes(known, origin)], settings
        )
        actual = evening.nodes.totals(
            np.array(
                [[users.get(user, 0.0) for users in actual_by_user] for user in evening.user_ids]
            )
        )
        paths = evening.paths(intervals.shocks, settings.backtest_simulations, seed)
        past = Replayed.of(evening, paths, settings, seed)
        frames.append(
            _frame(
                evening,
                actual,
                intervals.quantiles(evening.nodes.node_type, paths),
                _held(evening, intervals, past.positions(actual)),
                _baselines(history, evening),
                is_judged=number >= settings.burn_in_origins,
            )
        )
        replayed.append(past)
    known = history.won_by(history.clock)
    outcomes = [outcome for past in replayed for outcome in past.outcomes(known, history.clock)]
    final = Intervals.learn(outcomes, settings)
    judged = set(origins[settings.burn_in_origins :])
    missed = pl.DataFrame(
        [
            (outcome.origin, outcome.origin in judged, outcome.miss.log_ratio, outcome.miss.chance)
            for outcome in outcomes
            if outcome.miss is not None
        ],
        schema={
            "origin_date": pl.Date,
            "is_judged": pl.Boolean,
            "log_ratio": pl.Float64,
            "chance": pl.Float64,
        },
        orient="row",
    )
    return Backtest(pl.concat(frames), missed, final)


def company_history(
    history: RevenueHistory, before: date, settings: RevenueSettings
) -> pl.DataFrame:
    """The company's revenue in the windows of earlier months: horizon, origin_date and amount.

    Args:
        history: what is known.
        before: only windows that were over on this evening.
        settings: the windows.
    """
    since = history.known_from(before)
    won = history.won_by(before).select("booked_date", "amount")
    rows: list[tuple[str, date, float]] = []
    month = before.replace(day=1)
    while since is not None and month >= since:
        for window in windows_of(month, history.fiscal, settings):
            if window.end <= before and (window.start >= since or not window.is_quarter):
                booked = won.filter(pl.col("booked_date").is_between(window.start, window.end))
                rows.append((window.name, month, float(booked["amount"].sum())))
        month = (month - timedelta(days=1)).replace(day=1)
    return pl.DataFrame(
        rows,
        schema={"horizon": pl.String, "origin_date": pl.Date, "amount": pl.Float64},
        orient="row",
    ).sort("horizon", "origin_date")


def _actuals(history: RevenueHistory, windows: tuple[Window, ...]) -> list[dict[str, float]]:
    """What was booked in each window, by user."""
    return [
        {
            str(user): float(amount)
            for user, amount in history[BOOKINGS]
            .filter(pl.col("booked_date").is_between(window.start, window.end))
            .group_by("user_id")
            .agg(pl.col("amount").sum())
            .iter_rows()
        }
        for window in windows
    ]


def _baselines(history: RevenueHistory, evening: Evening) -> dict[str, Floats]:
    """Baselines of the nodes, shape (nodes, h) each."""
    pipeline = history.open_on(evening.origin)
    owners = closing_owners(history, evening.origin, pipeline, "owner_user_id")
    position = Position(
        history,
        evening.origin,
        pipeline.with_columns(closing_owner=pl.Series(owners, dtype=pl.String)),
        evening.user_ids,
    )
    amounts = baseline_amounts(position, evening.windows, evening.already_won)
    return {name: evening.nodes.totals(by_user) for name, by_user in amounts.items()}


def _held(evening: Evening, intervals: Intervals, positions: Floats) -> Floats:
    """At which quantile of the intervals outcomes lie, shape (nodes, h)."""
    held = np.zeros(positions.shape)
    kinds = np.array(evening.nodes.node_type)
    for kind in sorted(set(evening.nodes.node_type)):
        held[kinds == kind] = intervals.held(kind, positions[kinds == kind])
    return held


def _frame(
    evening: Evening,
    actual: Floats,
    quantiles: Floats,
    held: Floats,
    baselines: dict[str, Floats],
    *,
    is_judged: bool,
) -> pl.DataFrame:
    nodes, windows = evening.nodes, evening.windows
    won = nodes.totals(evening.already_won)
    expected = nodes.totals(evening.expected)
    count = len(nodes.node_id)

    def of_windows(values: Sequence[object]) -> list[object]:
        return list(values) * count

    columns: dict[str, object] = {
        "origin_date": [evening.origin] * (count * len(windows)),
        "horizon": of_windows([window.name for window in windows]),
        "horizon_days": of_windows([window.days for window in windows]),
        "window_start": of_windows([window.start for window in windows]),
        "window_end": of_windows([window.end for window in windows]),
        "node_type": np.repeat(nodes.node_type, len(windows)),
        "node_id": np.repeat(nodes.node_id, len(windows)),
        "is_judged": [is_judged] * (count * len(windows)),
        "actual": actual.reshape(-1),
        "already_won": won.reshape(-1),
        "from_open_pipeline": expected[:, OPEN].reshape(-1),
        "from_new_business": expected[:, NEW].reshape(-1),
        "mean": (won + expected.sum(axis=1)).reshape(-1),
        "position": held.reshape(-1),
        **{name: quantiles[:, :, place].reshape(-1) for place, name in enumerate(QUANTILE_COLUMNS)},
        **{name: baselines[name].reshape(-1) for name in BASELINES},
    }
    return pl.DataFrame(columns).with_columns(pl.col(BASELINES).fill_nan(None))
