"""What was known about accounts at the ends of days: profile, activity, purchases."""

from __future__ import annotations

import polars as pl
from duckdb import DuckDBPyConnection

from ml_assets.features.queries import run_query
from ml_assets.features.snapshots import with_as_of_end

REQUESTED_ACCOUNT = "requested_account"
ACCOUNT_KEYS = ("account_id", "as_of_date")
ACTIVITY_COUNTS = (
    "activities_30d",
    "activities_90d",
    "activities_365d",
    "inbound_30d",
    "inbound_90d",
    "meetings_90d",
    "meetings_missed_90d",
    "people_90d",
    "people_inbound_90d",
)
MAX_DAYS_SILENT = 365


def account_features(con: DuckDBPyConnection, asked: pl.DataFrame) -> pl.DataFrame:
    """Profile and activity of accounts, from what had been recorded by each day's end.

    Args:
        con: connection on the warehouse (schema core).
        asked: account_id, as_of_date; further columns and repeated rows are ignored.

    Returns:
        One row per account and day, sorted by both: segment, region, industry, employee_count,
        is_gone (deleted or merged into another account), the counts of `ACTIVITY_COUNTS` (0 where
        nothing happened), days_since_activity and days_since_inbound (365 where there was none in a
        year), sentiment_90d (null unknown).
    """
    keys = with_as_of_end(asked.select(ACCOUNT_KEYS).unique().sort(ACCOUNT_KEYS))
    profile = run_query(con, "account_profile", {REQUESTED_ACCOUNT: keys})
    activity = run_query(con, "account_activity", {REQUESTED_ACCOUNT: keys})
    return (
        profile.join(activity, on=list(ACCOUNT_KEYS), how="left", validate="1:1")
        .with_columns(
            pl.col(ACTIVITY_COUNTS).fill_null(0),
            pl.col("days_since_activity", "days_since_inbound").fill_null(MAX_DAYS_SILENT),
        )
        .sort(ACCOUNT_KEYS)
    )
