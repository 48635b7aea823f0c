"""What accounts had bought, and which renewals were under way, at the ends of days."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import polars as pl
from duckdb import DuckDBPyConnection

from ml_assets.features.queries import run_query
from ml_assets.features.snapshots import with_as_of_end

REQUESTED_DAY = "requested_day"


def account_deals(con: DuckDBPyConnection, days: Sequence[date]) -> pl.DataFrame:
    """Deals of accounts that ever bought or are to renew, as they were known at each day's end.

    Args:
        con: connection on the warehouse (schema core).
        days: the days to look at; each is answered from what had been recorded by its end.

    Returns:
        One row per as_of_date and opportunity_id, sorted by both: account_id, opportunity_type,
        opened_on, closed_on (null = open), stage_entered_on, stage, stage_order, is_closed, is_won,
        close_date (as planned then), close_date_moves, amount (corporate currency, null unknown).
        Deleted opportunities are absent.
    """
    asked = pl.DataFrame({"as_of_date": sorted(set(days))}, schema={"as_of_date": pl.Date})
    return run_query(con, "account_deals", {REQUESTED_DAY: with_as_of_end(asked)})


def purchases_of(deals: pl.DataFrame) -> pl.DataFrame:
    """Won deals as purchases: as_of_date, customer_id, purchased_on, amount (0 where unknown)."""
    return deals.filter("is_won").select(
        "as_of_date",
        customer_id="account_id",
        purchased_on="closed_on",
        amount=pl.col("amount").fill_null(0.0),
    )


def total(amount: str = "amount") -> pl.Expr:
    """The sum of amounts, by whole cents: it does not depend on the order of the rows."""
    return (pl.col(amount) * 100).round().cast(pl.Int64).sum() / 100


def mean(amount: str = "amount") -> pl.Expr:
    """The mean of known amounts, in the same way; null without any."""
    count = pl.col(amount).count()
    return pl.when(count > 0).then(total(amount) / count)
