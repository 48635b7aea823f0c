"""What was known of each customer at the ends of days: purchases, contracts, profile, activity."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import polars as pl
from duckdb import DuckDBPyConnection

from ml_assets.customers.contracts import contracts_from_deals, running
from ml_assets.features.account import ACCOUNT_KEYS, account_features
from ml_assets.features.account_deals import account_deals, mean, purchases_of, total

DAYS_PER_TERM = 365
"""A contract whose term is not known is taken to come up for renewal every year."""


def customer_states(con: DuckDBPyConnection, days: Sequence[date]) -> pl.DataFrame:
    """The customers of each day and what was known of them.

    A customer has bought, or has a contract that is to be renewed; accounts that were deleted or
    merged into another are left out.

    Args:
        con: connection on the warehouse (schema core).
        days: the days to look at; each is answered from what had been recorded by its end.

    Returns:
        One row per account_id and as_of_date, sorted by both: the columns of `purchase_state`,
        `contract_state` and `account_features`.
    """
    deals = account_deals(con, days)
    bought = purchase_state(deals)
    under_contract = contract_state(contracts_from_deals(deals))
    customers = (
        bought.join(under_contract, on=list(ACCOUNT_KEYS), how="full", coalesce=True)
        .with_columns(
            pl.col("purchase_count", "running_contract_count", "renewed_count").fill_null(0),
            pl.col("amount_total", "amount_365d").fill_null(0.0),
        )
        .filter((pl.col("purchase_count") > 0) | (pl.col("running_contract_count") > 0))
    )
    known = account_features(con, customers)
    return (
        customers.join(known, on=list(ACCOUNT_KEYS), how="left", validate="1:1")
        .filter(~pl.col("is_gone"))
        .drop("is_gone")
        .with_columns(
            amount_rank=(
                (pl.col("amount_total").rank("average") - 0.5) / pl.len()
            ).over("as_of_date")
        )
        .sort(ACCOUNT_KEYS)
    )  # fmt: skip


def purchase_state(deals: pl.DataFrame) -> pl.DataFrame:
    """Recency, frequency and money of each account that has bought.

    Args:
        deals: result of `account_deals`.

    Returns:
        account_id, as_of_date, purchase_count, recency_days and tenure_days (since the last and the
        first purchase), amount_total, amount_365d, amount_mean.
    """
    age = (pl.col("as_of_date") - pl.col("purchased_on")).dt.total_days()
    return (
        purchases_of(deals)
        .sort("as_of_date", "customer_id", "purchased_on", "amount")
        .group_by("customer_id", "as_of_date", maintain_order=True)
        .agg(
            purchase_count=pl.len().cast(pl.Int64),
            recency_days=age.min(),
            tenure_days=age.max(),
            amount_total=total(),
            amount_365d=(pl.col("amount") * 100)
            .round()
            .cast(pl.Int64)
            .filter(age < DAYS_PER_TERM)
            .sum()
            / 100,
            amount_mean=mean(),
        )
        .rename({"customer_id": "account_id"})
        .sort(ACCOUNT_KEYS)
    )


def contract_state(contracts: pl.DataFrame) -> pl.DataFrame:
    """The contracts of each account.

    Args:
        contracts: result of `contracts_from_deals`.

    Returns:
        account_id, as_of_date, running_contract_count, contract_amount (of the running ones),
        renewed_count, open_renewal_count, days_to_renewal (of the nearest one; negative: overdue).
    """
    is_running = pl.col("renewal_outcome").is_null()
    cents = (pl.col("amount") * 100).round().cast(pl.Int64)
    due = with_renewal_date(contracts)
    return (
        due.group_by("account_id", "as_of_date")
        .agg(
            running_contract_count=is_running.sum().cast(pl.Int64),
            contract_amount=cents.filter(is_running).sum() / 100,
            renewed_count=(pl.col("renewal_outcome") == "won").sum().cast(pl.Int64),
            open_renewal_count=(is_running & pl.col("renewal_id").is_not_null())
            .sum()
            .cast(pl.Int64),
            days_to_renewal=(pl.col("renewal_date") - pl.col("as_of_date"))
            .dt.total_days()
            .filter(is_running)
            .min(),
        )
        .sort(ACCOUNT_KEYS)
    )


def with_renewal_date(contracts: pl.DataFrame) -> pl.DataFrame:
    """Add renewal_date, as it is known ahead: the planned close date of an open renewal, else the
    next anniversary of the contract's beginning.
    """
    age = (pl.col("as_of_date") - pl.col("started_on")).dt.total_days()
    terms = age // DAYS_PER_TERM + 1
    anniversary = pl.col("started_on") + pl.duration(days=terms * DAYS_PER_TERM)
    return contracts.with_columns(
        renewal_date=pl.when(pl.col("renewal_id").is_not_null())
        .then(pl.coalesce("renewal_close_date", pl.col("renewal_opened_on")))
        .otherwise(anniversary)
    )


def running_contracts(con: DuckDBPyConnection, days: Sequence[date]) -> pl.DataFrame:
    """Contracts that ran at each day's end (see `contracts_from_deals`), with renewal_date."""
    return with_renewal_date(running(contracts_from_deals(account_deals(con, days))))
