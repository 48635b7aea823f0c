"""Contracts as a hazard model sees them: one row per contract and day on which it ran.

Features are what was known at the day's end; the renewal date is one that is known ahead. The label
is how and when the contract's renewal ended, as far as it is known at the clock.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import polars as pl
from duckdb import DuckDBPyConnection

from ml_assets.customers.contracts import contracts_from_deals, running
from ml_assets.customers.state import DAYS_PER_TERM, purchase_state, with_renewal_date
from ml_assets.features.account import ACCOUNT_KEYS, account_features
from ml_assets.features.account_deals import account_deals
from ml_assets.features.catalogue import Feature
from ml_assets.features.queries import REQUESTED_SNAPSHOT, has_table, run_query
from ml_assets.features.snapshots import with_as_of_end

CONTRACT_KEYS = ("contract_id", "as_of_date")


def _theme(theme: str, *features: tuple[str, str, str]) -> tuple[Feature, ...]:
    return tuple(Feature(name, kind, theme, label) for name, kind, label in features)  # pyright: ignore


CHURN_FEATURES: tuple[Feature, ...] = (
    *_theme(
        "Renewal date",
        ("contract_age_days", "number", "days since the contract began"),
        ("days_to_renewal", "number", "days to the renewal date"),
        ("is_overdue", "boolean", "renewal date has passed"),
        ("has_open_renewal", "boolean", "renewal is under way"),
        ("renewal_age_days", "number", "days since the renewal was opened"),
    ),
    *_theme(
        "Renewal progress",
        ("renewal_stage_order", "number", "stage of the renewal"),
        ("renewal_days_in_stage", "number", "days in its stage"),
        ("renewal_close_date_moves", "number", "moves of its close date"),
    ),
    *_theme(
        "People on the renewal",
        ("contact_role_count", "number", "contacts with a role"),
        ("has_champion", "boolean", "champion named"),
        ("has_decision_maker", "boolean", "decision maker or economic buyer named"),
    ),
    *_theme(
        "Customer's answers",
        ("inbound_30d", "number", "inbound in 30 days"),
        ("inbound_90d", "number", "inbound in 90 days"),
        ("inbound_share_90d", "number", "inbound share of 90 days' activities"),
        ("days_since_inbound", "number", "days since inbound"),
        ("people_inbound_90d", "number", "people who wrote or called in 90 days"),
        ("sentiment_90d", "number", "sentiment in 90 days"),
    ),
    *_theme(
        "Contact",
        ("activities_30d", "number", "activities in 30 days"),
        ("activities_90d", "number", "activities in 90 days"),
        ("activities_365d", "number", "activities in 365 days"),
        ("meetings_90d", "number", "meetings in 90 days"),
        ("meetings_missed_90d", "number", "meetings cancelled or missed in 90 days"),
        ("people_90d", "number", "people engaged in 90 days"),
        ("days_since_activity", "number", "days since any activity"),
    ),
    *_theme(
        "Purchases",
        ("amount", "number", "contract amount"),
        ("purchase_count", "number", "purchases"),
        ("renewed_count", "number", "renewals so far"),
        ("tenure_days", "number", "days as a customer"),
        ("recency_days", "number", "days since the last purchase"),
        ("contract_count", "number", "contracts that run"),
    ),
    *_theme(
        "Profile",
        ("segment", "category", "segment"),
        ("region", "category", "region"),
        ("industry", "category", "industry"),
        ("employee_count", "number", "employees"),
    ),
)


def contract_exposure(
    con: DuckDBPyConnection, days: Sequence[date], clock: date | None = None
) -> pl.DataFrame:
    """Features of every contract that ran at each day's end, and how it went on until the clock.

    Args:
        con: connection on the warehouse (schema core).
        days: the days to look at; each is answered from what had been recorded by its end.
        clock: outcomes count when they had been recorded by the end of this day; without it
            there are no labels.

    Returns:
        One row per contract_id and as_of_date, sorted by both: account_id, renewal_date (as known
        then), the columns of `CHURN_FEATURES`, and with a clock days_to_event and event (won:
        renewed; lost: churned; null: still running at the clock, days_to_event is then the days
        until it). Contracts of accounts that were deleted or merged by then are left out.
    """
    deals = account_deals(con, [*days, *([clock] if clock else [])])
    asked = deals.filter(pl.col("as_of_date").is_in(list(days)))
    contracts = contracts_from_deals(deals)
    open_contracts = with_renewal_date(
        running(contracts.filter(pl.col("as_of_date").is_in(list(days))))
    )
    renewed = (
        contracts.group_by("account_id", "as_of_date")
        .agg(renewed_count=(pl.col("renewal_outcome") == "won").sum().cast(pl.Int64))
    )  # fmt: skip
    frame = (
        open_contracts.join(
            purchase_state(asked).select(
                *ACCOUNT_KEYS, "purchase_count", "tenure_days", "recency_days"
            ),
            on=list(ACCOUNT_KEYS),
            how="left",
            validate="m:1",
        )
        .join(renewed, on=list(ACCOUNT_KEYS), how="left", validate="m:1")
        .join(account_features(con, open_contracts), on=list(ACCOUNT_KEYS), how="left")
        .filter(~pl.col("is_gone"))
        .join(_contact_roles(con, open_contracts), on=["renewal_id", "as_of_date"], how="left")
    )
    features = _with_derived(frame)
    if clock is None:
        return features.select(*CONTRACT_KEYS, "account_id", "renewal_date", *_typed()).sort(
            CONTRACT_KEYS
        )
    outcomes = contracts.filter(pl.col("as_of_date") == clock).select(
        "contract_id", "renewal_closed_on", event="renewal_outcome"
    )
    labelled = (
        features.drop("renewal_closed_on", "renewal_outcome")
        .join(outcomes, on="contract_id", how="left", validate="m:1")
        .with_columns(
            days_to_event=(pl.col("renewal_closed_on").fill_null(clock) - pl.col("as_of_date"))
            .dt.total_days()
            .cast(pl.Int64)
        )
        .filter((pl.col("days_to_event") > 0) | pl.col("event").is_null())
    )
    return labelled.select(
        *CONTRACT_KEYS, "account_id", "renewal_date", *_typed(), "days_to_event", "event"
    ).sort(CONTRACT_KEYS)


def landmarks(clock: date, first: date, every_days: int) -> list[date]:
    """Days on a fixed grid after `first` and before the clock, ascending, so that a later clock
    looks at the same days and one more.
    """
    last = clock.toordinal() - 1
    start = last - last % every_days
    days = [date.fromordinal(day) for day in range(start, first.toordinal(), -every_days)]
    return sorted(days)


def first_purchase(con: DuckDBPyConnection, clock: date) -> date | None:
    """The day of the first purchase that was known at the end of a day, or None."""
    won = account_deals(con, [clock]).filter("is_won")["closed_on"]
    first = won.min()
    return first if isinstance(first, date) else None


def with_known_until(frame: pl.DataFrame, origin: date) -> pl.DataFrame:
    """Labelled rows as they would have been known at an earlier clock."""
    known = (pl.lit(origin) - pl.col("as_of_date")).dt.total_days()
    return frame.filter(pl.col("as_of_date") < origin).with_columns(
        event=pl.when(pl.col("days_to_event") <= known).then("event"),
        days_to_event=pl.min_horizontal("days_to_event", known),
    )


def _contact_roles(con: DuckDBPyConnection, contracts: pl.DataFrame) -> pl.DataFrame:
    """Contact roles of open renewals; empty where core does not hold them."""
    renewals = contracts.filter(pl.col("renewal_id").is_not_null()).select(
        "as_of_date", opportunity_id="renewal_id"
    )
    columns = ["contact_role_count", "has_champion", "has_decision_maker"]
    if not has_table(con, "core", "fct_opportunity_contact"):
        return renewals.rename({"opportunity_id": "renewal_id"}).with_columns(
            contact_role_count=pl.lit(None, dtype=pl.Int64),
            has_champion=pl.lit(None, dtype=pl.Boolean),
            has_decision_maker=pl.lit(None, dtype=pl.Boolean),
        )
    requested = with_as_of_end(renewals.unique().sort("opportunity_id", "as_of_date"))
    roles = run_query(con, "contact_roles", {REQUESTED_SNAPSHOT: requested})
    return (
        requested.join(roles, on=["opportunity_id", "as_of_date"], how="left")
        .select("as_of_date", pl.col("opportunity_id").alias("renewal_id"), *columns)
        .with_columns(
            pl.col("contact_role_count").fill_null(0),
            pl.col("has_champion", "has_decision_maker").fill_null(False),
        )
    )


def _with_derived(frame: pl.DataFrame) -> pl.DataFrame:
    day = pl.col("as_of_date")

    def days_since(column: str) -> pl.Expr:
        return (day - pl.col(column)).dt.total_days()

    return frame.with_columns(
        contract_age_days=days_since("started_on"),
        days_to_renewal=(pl.col("renewal_date") - day).dt.total_days(),
        is_overdue=pl.col("renewal_date") < day,
        has_open_renewal=pl.col("renewal_id").is_not_null(),
        renewal_age_days=days_since("renewal_opened_on"),
        renewal_days_in_stage=days_since("renewal_stage_entered_on"),
        inbound_share_90d=pl.when(pl.col("activities_90d") > 0).then(
            pl.col("inbound_90d") / pl.col("activities_90d")
        ),
        purchase_count=pl.col("purchase_count").fill_null(0),
        tenure_days=pl.col("tenure_days").fill_null(0),
        recency_days=pl.col("recency_days").fill_null(DAYS_PER_TERM),
        contract_count=pl.len().over("account_id", "as_of_date").cast(pl.Int64),
    )


def _typed() -> list[pl.Expr]:
    types = {"number": pl.Float64, "category": pl.String, "boolean": pl.Boolean}
    return [pl.col(feature.name).cast(types[feature.kind]) for feature in CHURN_FEATURES]
