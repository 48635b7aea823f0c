"""Everything that the forecast reads, as frames, and how it stood on the evening of an origin.

The pipeline is replayed from field changes for the evenings that are asked for; closings carry the
day on which they were known and the day on which they were undone. So an origin sees what it could
see, whatever has been recorded since.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl
from duckdb import DuckDBPyConnection

from ml_assets.features.queries import REQUESTED_SNAPSHOT, run_query
from ml_assets.features.snapshots import KEYS, end_of_day, snapshot_state, with_as_of_end
from ml_assets.hashing import stable_fraction
from ml_assets.revenue.calendar import FiscalCalendar, day_of
from ml_assets.revenue.settings import RevenueSettings
from ml_assets.revenue.windows import same_days_before

UNASSIGNED = "unassigned"
CLOSER = "AE"
SUNDAY = 6
KNOWN_FROM_SHARE = 0.01
CALENDAR_DAYS = 400
DEALS = "deals"
EVENINGS = "evenings"
CLOSINGS = "closings"
BOOKINGS = "bookings"
TABLES = (
    "members",
    "users",
    "superiors",
    "accounts",
    "rates",
    "quarters",
    "stage_defaults",
    "calls",
)
STATE_COLUMNS = (
    "opportunity_id",
    "as_of_date",
    "stage",
    "stage_order",
    "forecast_category",
    "days_in_stage",
    "age_days",
    "days_since_any_change",
    "stage_move_count",
    "push_count",
    "close_date",
    "owner_user_id",
    "amount",
    "crm_probability",
)


@dataclass(frozen=True)
class RevenueHistory:
    """What is known by a clock.

    Attributes:
        clock: the evening.
        frames: deals (opportunity_id, account_id, opportunity_type, currency_code,
            first_seen_date, segment), evenings (STATE_COLUMNS of deals open on an evening, amounts
            in corporate currency at its rate; `is_birth` for a deal's first evening), closings
            (opportunity_id, is_won, closed_date, known_date, undone_date, booked_date, amount,
            user_id, and the deal's attributes), bookings (won deals as they stand at the clock)
            and the tables of the organisation.
    """

    clock: date
    frames: Mapping[str, pl.DataFrame]

    def __getitem__(self, name: str) -> pl.DataFrame:
        return self.frames[name]

    @property
    def fiscal(self) -> FiscalCalendar:
        """The fiscal quarters."""
        return FiscalCalendar.of(self["quarters"])

    def known_from(self, origin: date) -> date | None:
        """First day from which closings are known, a few stragglers aside; None without any.

        Of deals that closed before an export begins nothing is known, so earlier evenings show
        only deals that lived on.
        """
        closed = self[CLOSINGS].filter(pl.col("known_date") <= origin)["closed_date"].sort()
        return closed[int(len(closed) * KNOWN_FROM_SHARE)] if len(closed) else None

    def won_by(self, origin: date) -> pl.DataFrame:
        """Closings that stood as won on the evening of an origin."""
        return self[CLOSINGS].filter(
            "is_won",
            pl.col("known_date") <= origin,
            pl.col("undone_date").is_null() | (pl.col("undone_date") > origin),
        )

    def open_on(self, evening: date) -> pl.DataFrame:
        """The pipeline of an evening that was asked for, with the deals' attributes."""
        return self._with_deals(self[EVENINGS].filter(pl.col("as_of_date") == evening))

    def landmarks(self, origin: date) -> pl.DataFrame:
        """Sunday and first evenings of open deals that an origin can learn from."""
        since = self.known_from(origin) or origin
        return self._with_deals(
            self[EVENINGS].filter(
                pl.col("is_landmark") | pl.col("is_birth"),
                pl.col("as_of_date") >= since,
                pl.col("as_of_date") < origin,
            )
        )

    def births(self, origin: date, days: int) -> pl.DataFrame:
        """First evenings of the deals that appeared in the days before an origin."""
        return self._with_deals(
            self[EVENINGS].filter(
                "is_birth",
                pl.col("as_of_date") > origin - timedelta(days=days),
                pl.col("as_of_date") <= origin,
            )
        )

    def _with_deals(self, evenings: pl.DataFrame) -> pl.DataFrame:
        return evenings.join(self[DEALS], on="opportunity_id", how="inner").sort(KEYS)


def read_history(
    con: DuckDBPyConnection,
    clock: date,
    settings: RevenueSettings,
    origins: Sequence[date],
    *,
    landmarks: bool = True,
) -> RevenueHistory:
    """Read what the forecast needs from the warehouse.

    Args:
        con: connection on the warehouse (schema core).
        clock: nothing that was recorded later is read.
        settings: how evenings are sampled.
        origins: evenings whose whole pipeline is needed.
        landmarks: whether the evenings to learn from are needed too.
    """
    opportunities = run_query(con, "opportunities", {}, {"clock_end": end_of_day(clock)})
    tables = _as_known({name: run_query(con, f"revenue_{name}", {}) for name in TABLES}, clock)
    closings = run_query(con, "revenue_closings", {}, {"clock_end": end_of_day(clock)})
    deals = _with_segment(opportunities, tables["accounts"])
    grid = _evenings_to_ask(opportunities, closings, clock, settings, origins, landmarks)
    known, at_clock = pl.col("known_date"), pl.lit(clock)
    asked = pl.concat(
        [
            grid.select(KEYS),
            closings.select("opportunity_id", as_of_date=known),
            closings.filter("is_won").select("opportunity_id", as_of_date=at_clock),
        ]
    )
    asked = asked.unique().sort(KEYS)
    state = snapshot_state(con, asked).join(
        deals.select("opportunity_id", "currency_code"), on="opportunity_id"
    )
    evenings = (
        state.filter(pl.col("stage").is_not_null() & ~pl.col("is_closed") & ~pl.col("is_deleted"))
        .join(grid, on=list(KEYS), how="inner", validate="1:1")
        .pipe(_converted, tables["rates"], "as_of_date")
        .join(_probabilities(con, grid, origins), on=list(KEYS), how="left", validate="1:1")
        .select(*STATE_COLUMNS, "is_landmark", "is_birth")
        .sort(KEYS)
    )
    visits = run_query(con, "revenue_visits", {}, {"clock_end": end_of_day(clock)})
    return RevenueHistory(
        clock,
        {
            DEALS: deals.sort("opportunity_id"),
            EVENINGS: evenings,
            CLOSINGS: _closings(closings, state, deals, tables["rates"]),
            BOOKINGS: _bookings(state, clock, tables["rates"]),
            "visits": visits,
            **tables,
        },
    )


def booked_facts(con: DuckDBPyConnection, as_of: date) -> pl.DataFrame:
    """What the facts hold as won, as the marts show it: user_id, booked_date and amount.

    Raises:
        ValueError: the warehouse's facts were built for another day.
    """
    facts = run_query(con, "revenue_bookings", {})
    built_for = facts["as_of_date"].unique().to_list()
    if built_for not in ([], [as_of]):
        raise ValueError(
            f"core.fct_opportunity was built as of {built_for}, but a forecast was asked for "
            f"{as_of}. Build the core models with the same as_of_date first."
        )
    return facts.filter(pl.col("close_date") <= as_of).select(
        "user_id", booked_date="close_date", amount=pl.col("amount").cast(pl.Float64)
    )


def _as_known(tables: Mapping[str, pl.DataFrame], clock: date) -> dict[str, pl.DataFrame]:
    """The tables of the organisation without what began after a clock, ends included."""
    end = end_of_day(clock)

    def versions(frame: pl.DataFrame) -> pl.DataFrame:
        begun = frame.filter(pl.col("valid_from").is_null() | (pl.col("valid_from") < end))
        if "valid_to" not in begun.columns:
            return begun
        return begun.with_columns(
            valid_to=pl.when(pl.col("valid_to") < end).then(pl.col("valid_to"))
        )

    users = versions(tables["users"])
    known = [*users["user_id"], UNASSIGNED]
    calls = tables["calls"].filter(pl.col("submitted_at") < end)
    return {
        **tables,
        "users": users,
        "members": versions(tables["members"].filter(pl.col("user_id").is_in(known))),
        "superiors": versions(tables["superiors"]),
        "accounts": versions(tables["accounts"]),
        "rates": tables["rates"].filter(pl.col("valid_from") <= clock),
        "quarters": tables["quarters"].filter(
            pl.col("start_date") <= clock + timedelta(days=CALENDAR_DAYS)
        ),
        "calls": calls.with_columns(
            superseded_at=pl.when(pl.col("superseded_at") < end).then(pl.col("superseded_at"))
        ),
    }


def _bookings(state: pl.DataFrame, clock: date, rates: pl.DataFrame) -> pl.DataFrame:
    """Won deals as they stand at the clock, with a close date by then."""
    return (
        state.filter(
            pl.col("as_of_date") == clock,
            pl.col("is_won") & ~pl.col("is_deleted"),
            pl.col("close_date") <= clock,
        )
        .pipe(_converted, rates, "close_date")
        .select(
            "opportunity_id",
            user_id=pl.col("owner_user_id").fill_null(UNASSIGNED),
            booked_date="close_date",
            amount=pl.col("amount").fill_null(0.0).round(2),
        )
        .sort("opportunity_id")
    )


def _evenings_to_ask(
    opportunities: pl.DataFrame,
    closings: pl.DataFrame,
    clock: date,
    settings: RevenueSettings,
    origins: Sequence[date],
    landmarks: bool,
) -> pl.DataFrame:
    """Which deals are looked at on which evenings (opportunity_id, as_of_date, two flags)."""
    still_open = clock + timedelta(days=1)
    last = closings.group_by("opportunity_id").agg(last_day=pl.col("closed_date").max())
    lives = opportunities.join(last, on="opportunity_id", how="left").with_columns(
        last_day=pl.col("last_day").fill_null(still_open)
    )
    # a deal whose last closing was undone is open again
    undone = closings.group_by("opportunity_id").agg(
        pl.col("undone_date").sort_by("closed_date").last()
    )
    lives = lives.join(undone, on="opportunity_id", how="left").with_columns(
        last_day=pl.when(pl.col("undone_date").is_not_null())
        .then(pl.lit(still_open))
        .otherwise("last_day")
    )
    first, until = pl.col("first_seen_date"), pl.col("last_day")
    parts = [
        lives.filter((first <= origin) & (until > origin)).select(
            "opportunity_id",
            as_of_date=pl.lit(origin),
            is_landmark=pl.lit(False),
            is_birth=pl.lit(False),
        )
        for origin in origins
    ]
    earliest = min(origins, default=clock) - timedelta(days=settings.pool_days)
    parts.append(
        lives.filter(landmarks | (first > earliest)).select(
            "opportunity_id",
            as_of_date=first,
            is_landmark=pl.lit(False),
            is_birth=pl.lit(True),
        )
    )
    if landmarks:
        parts.append(_sundays(lives, settings.hazard.stride_weeks))
    return (
        pl.concat(parts)
        .group_by(KEYS)
        .agg(pl.col("is_landmark").any(), pl.col("is_birth").any())
        .sort(KEYS)
    )


def _sundays(lives: pl.DataFrame, stride_weeks: int) -> pl.DataFrame:
    """Every stride-th Sunday of each deal's life, each deal on its own phase."""
    lot = stable_fraction(lives["opportunity_id"].to_list(), "revenue landmarks")
    stride = 7 * stride_weeks
    # 1970-01-04 was a Sunday
    phase = 3 + 7 * (lot * stride_weeks).astype(np.int64)
    first = pl.col("first_seen_date").cast(pl.Int64)
    return (
        lives.with_columns(phase=pl.Series(phase))
        .with_columns(
            start=first + (pl.col("phase") - first) % stride,
            stop=pl.col("last_day").cast(pl.Int64),
        )
        .filter(pl.col("start") < pl.col("stop"))
        .with_columns(day=pl.int_ranges("start", "stop", stride))
        .explode("day")
        .select(
            "opportunity_id",
            as_of_date=pl.lit(day_of(0)) + pl.duration(days=pl.col("day")),
            is_landmark=pl.lit(True),
            is_birth=pl.lit(False),
        )
    )


def _with_segment(opportunities: pl.DataFrame, accounts: pl.DataFrame) -> pl.DataFrame:
    """The deals with their account's segment on the evening on which they were first seen."""
    versions = accounts.filter(pl.col("valid_from").is_not_null()).sort("valid_from")
    return (
        opportunities.with_columns(
            seen_until=pl.col("first_seen_date").cast(pl.Datetime("us")) + pl.duration(days=1)
        )
        .sort("seen_until")
        .join_asof(
            versions.select("account_id", "segment", "valid_from"),
            left_on="seen_until",
            right_on="valid_from",
            by="account_id",
            check_sortedness=False,
        )
        .select(
            "opportunity_id",
            "account_id",
            "opportunity_type",
            "currency_code",
            "first_seen_date",
            "segment",
        )
    )


def _converted(frame: pl.DataFrame, rates: pl.DataFrame, day: str) -> pl.DataFrame:
    """Add `amount`: amount_local in corporate currency at the rate of a day; null without one."""
    return (
        frame.sort(day)
        .join_asof(
            rates.sort("valid_from").rename({"valid_from": "rate_from"}),
            left_on=day,
            right_on="rate_from",
            by="currency_code",
            check_sortedness=False,
        )
        .with_columns(amount=pl.col("amount_local") * pl.col("rate"))
    )


def _probabilities(
    con: DuckDBPyConnection, grid: pl.DataFrame, origins: Sequence[date]
) -> pl.DataFrame:
    asked = grid.filter(pl.col("as_of_date").is_in(list(origins))).select(KEYS)
    return run_query(con, "revenue_probabilities", {REQUESTED_SNAPSHOT: with_as_of_end(asked)})


def _closings(
    closings: pl.DataFrame, state: pl.DataFrame, deals: pl.DataFrame, rates: pl.DataFrame
) -> pl.DataFrame:
    """Closings with what was booked, as the record stood on the evening they were known."""
    recorded = state.select(
        "opportunity_id",
        pl.col("as_of_date").alias("known_date"),
        "amount_local",
        "currency_code",
        "close_date",
        user_id=pl.col("owner_user_id").fill_null(UNASSIGNED),
    )
    return (
        closings.join(recorded, on=["opportunity_id", "known_date"], how="inner", validate="m:1")
        .with_columns(booked_date=pl.col("close_date").fill_null(pl.col("closed_date")))
        .pipe(_converted, rates, "booked_date")
        .join(deals.drop("currency_code"), on="opportunity_id", how="inner")
        .select(
            "opportunity_id",
            "account_id",
            "opportunity_type",
            "segment",
            "currency_code",
            "first_seen_date",
            "is_won",
            "closed_date",
            "known_date",
            "undone_date",
            "booked_date",
            "user_id",
            amount=pl.col("amount").fill_null(0.0),
        )
        .sort("opportunity_id", "closed_date", "known_date")
    )


def backtest_origins(
    history_start: date | None, clock: date, settings: RevenueSettings
) -> list[date]:
    """The evenings of first days of months whose longest window is over, the latest ones.

    Args:
        history_start: first day from which closings are known; None: no origins.
        clock: the evening up to which outcomes are known.
        settings: how many, and how much history the first one needs.
    """
    if history_start is None:
        return []
    latest = clock - timedelta(days=92)
    month = latest.replace(day=1)
    earliest = history_start + timedelta(days=settings.min_history_days)
    origins: list[date] = []
    while month >= earliest and len(origins) < settings.max_origins:
        origins.append(month)
        month = (month - timedelta(days=1)).replace(day=1)
    return sorted(origins)


def first_known_closing(con: DuckDBPyConnection, clock: date) -> date | None:
    """First day from which closings are known (see `RevenueHistory.known_from`)."""
    closings = run_query(con, "revenue_closings", {}, {"clock_end": end_of_day(clock)})
    closed = closings["closed_date"].sort()
    return closed[int(len(closed) * KNOWN_FROM_SHARE)] if len(closed) else None


def baseline_evenings(
    con: DuckDBPyConnection, origins: Sequence[date], history_start: date | None
) -> list[date]:
    """The same days of earlier fiscal quarters, which the point-in-period baseline looks at."""
    if history_start is None:
        return []
    fiscal = FiscalCalendar.of(run_query(con, "revenue_quarters", {}))
    return sorted(
        {
            day
            for origin in origins
            for day in same_days_before(origin, fiscal)
            if day >= history_start
        }
    )
