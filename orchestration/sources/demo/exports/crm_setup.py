"""Salesforce Product2, ForecastingQuota and DatedConversionRate."""

import polars as pl

from orchestration.sources.demo import finance
from orchestration.sources.demo import vocabulary as words
from orchestration.sources.demo.clock import (
    DAY,
    HOUR,
    START_TS,
    day_text,
    moment_text,
)
from orchestration.sources.demo.exports.book import Book
from orchestration.sources.demo.exports.records import exported_on, stamps, version_key, within
from orchestration.sources.demo.identifiers import taken

_FOUNDED = START_TS - 1_400 * DAY + 9 * HOUR
_NO_DIRT = pl.lit("").alias("_dirt")


def products(book: Book, first: int, last: int) -> pl.DataFrame:
    """Product2 rows; the training day is withdrawn in the second year."""
    frame = pl.DataFrame(
        [(n, p[0], p[1], p[2], _FOUNDED + n * DAY, True) for n, p in enumerate(words.PRODUCTS)]
        + [(8, *words.PRODUCTS[8][:3], START_TS + 500 * DAY + 9 * HOUR, False)],
        schema=["number", "ProductCode", "Name", "Family", "moment", "IsActive"],
        orient="row",
    )
    created = pl.col("moment").min().over("number")
    frame = within(exported_on(frame.with_columns(created=created)), first, last)
    return frame.with_columns(Id=book.ids("Product2", frame["number"].to_numpy())).select(
        "Id", "Name", "ProductCode",
        (pl.col("Name") + " (" + pl.col("Family") + ")").alias("Description"),
        "IsActive",
        *stamps(),
        "Family",
        pl.lit(False).alias("IsDeleted"),
        "_day", "_ts", version_key("number"), _NO_DIRT,
    )  # fmt: skip


def forecasting_quotas(book: Book, first: int, last: int) -> pl.DataFrame:
    """ForecastingQuota rows: amounts for account executives, quantities for BDRs."""
    part = book.period(
        "quotas", lambda b: exported_on(finance.quotas(b.company, b.seed)), first, last
    )
    part = part.filter(pl.col("starts") * DAY >= START_TS - 1)
    return part.with_columns(
        Id=book.ids("ForecastingQuota", part["serial"].to_numpy()),
        QuotaOwnerId=taken(book.user_ids, part["user"].to_numpy()),
    ).select(
        "Id", "QuotaOwnerId",
        day_text("starts").alias("StartDate"),
        pl.col("amount").alias("QuotaAmount"),
        pl.col("quantity").alias("QuotaQuantity"),
        pl.col("amount").is_not_null().alias("IsAmount"),
        pl.col("quantity").is_not_null().alias("IsQuantity"),
        pl.lit("USD").alias("CurrencyIsoCode"),
        *stamps(),
        pl.when(pl.col("amount").is_not_null())
        .then(pl.lit("0DbQw000000Rev0IAA"))
        .otherwise(pl.lit("0DbQw000000Qty0IAA"))
        .alias("ForecastingTypeId"),
        "_day", "_ts", version_key("serial"), _NO_DIRT,
    )  # fmt: skip


def conversion_rates(book: Book, first: int, last: int) -> pl.DataFrame:
    """DatedConversionRate rows: one per currency and month, known on the month's first day."""
    rates = finance.exchange_rates(book.seed)
    rates = rates.with_columns(moment=pl.col("starts") * DAY + HOUR)
    part = within(exported_on(rates), first, last)
    number = part["currency"].to_numpy() * 1_000 + part["month"].to_numpy() + 60
    return part.with_columns(
        Id=book.ids("DatedConversionRate", number),
        IsoCode=taken(pl.Series(words.CURRENCIES), part["currency"].to_numpy()),
        number=pl.Series(number),
    ).select(
        "Id", "IsoCode",
        day_text("starts").alias("StartDate"),
        day_text("ends").alias("NextStartDate"),
        pl.col("rate").alias("ConversionRate"),
        moment_text("moment", "salesforce").alias("CreatedDate"),
        moment_text("moment", "salesforce").alias("SystemModstamp"),
        "_day", "_ts", pl.col("number").alias("_key"), _NO_DIRT,
    )  # fmt: skip
