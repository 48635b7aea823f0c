"""Schema core as the Maven CRM sample would fill it, built without the pipeline."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl
from synthetic_core import SCHEMAS

FOLDER = Path(__file__).resolve().parents[4] / "shared" / "data" / "maven_crm"
LAST_DAY = date(2017, 12, 31)


def maven_tables(as_of: date = LAST_DAY) -> dict[str, pl.DataFrame]:
    """Tables of schema core by name, as of a day."""
    deals = pl.read_csv(FOLDER / "sales_pipeline.csv", try_parse_dates=True).filter(
        pl.col("engage_date").is_not_null()
    )
    key = pl.col("opportunity_id")
    opened = pl.col("engage_date").cast(pl.Datetime("us")) + pl.duration(hours=9)
    closed = pl.col("close_date").cast(pl.Datetime("us")) + pl.duration(hours=17)
    outcome = pl.when(pl.col("deal_stage") == "Won").then(pl.lit("Closed Won")).otherwise(
        pl.lit("Closed Lost")
    )  # fmt: skip

    def events(
        name: str, old: pl.Expr | None, new: pl.Expr, at: pl.Expr, frame: pl.DataFrame
    ) -> pl.DataFrame:
        return frame.select(
            change_id=pl.format("{}-{}-{}", key, pl.lit(name), at),
            opportunity_id=key,
            field=pl.lit(name),
            old_value=pl.lit(None, dtype=pl.String) if old is None else old,
            new_value=new,
            changed_at=at,
            recorded_at=at,
        )

    done = deals.filter(pl.col("close_date").is_not_null())
    everything = pl.concat(
        [
            events("stage", None, pl.lit("Discovery"), opened, deals),
            events("owner_user_id", None, pl.col("sales_agent"), opened, deals),
            events("stage", pl.lit("Discovery"), outcome, closed, done),
        ]
    )
    accounts = pl.read_csv(FOLDER / "accounts.csv").select(
        account_id="account",
        segment=pl.lit("Enterprise"),
        region=pl.lit(None, dtype=pl.String),
        industry="sector",
        country="office_location",
        employee_count=pl.col("employees").cast(pl.Int64),
        valid_from=pl.datetime(2016, 1, 1, time_unit="us"),
        valid_to=pl.lit(None, dtype=pl.Datetime("us")),
    )
    is_open = pl.col("close_date").is_null() | (pl.col("close_date") > as_of)
    facts = deals.filter(pl.col("engage_date") <= as_of).select(
        opportunity_id=key,
        account_id=pl.col("account"),
        opportunity_type=pl.lit("new"),
        lead_source=pl.lit(None, dtype=pl.String),
        currency_code=pl.lit("USD"),
        amount=pl.when(~is_open).then(pl.col("close_value")).cast(pl.Decimal(18, 2)),
        is_open=is_open,
        stage=pl.lit("Discovery"),
        loss_reason=pl.lit(None, dtype=pl.String),
        as_of_date=pl.lit(as_of),
    )
    lines = deals.select(
        line_id=key,
        opportunity_id=key,
        product_id=pl.col("product"),
        created_at=opened,
        modified_at=opened,
        discount_rate=pl.lit(None, dtype=pl.Decimal(9, 4)),
        is_deleted=pl.lit(False),
    )
    return {
        "fct_opportunity_event": everything.select(SCHEMAS["fct_opportunity_event"].keys()),
        "dim_account": accounts,
        "fct_opportunity": facts,
        "fct_opportunity_line": lines,
    }
