"""Salesforce ForecastSubmission__c: forecast calls, in a custom object that is only added to."""

import numpy as np
import polars as pl

from orchestration.sources.demo import vocabulary as words
from orchestration.sources.demo.clock import DAY, HOUR, START_DAY, day_text
from orchestration.sources.demo.exports.book import Book
from orchestration.sources.demo.exports.records import dirt, stamps
from orchestration.sources.demo.forecasts import forecast_calls
from orchestration.sources.demo.identifiers import taken
from orchestration.sources.demo.rates import RATES
from orchestration.sources.demo.streams import chance, every

_CATEGORIES = pl.Series(words.FORECAST_NAMES)
_COMMENTS = pl.Series(words.FORECAST_COMMENTS)
_CURRENCIES = pl.Series(words.CURRENCIES)


def forecast_submissions(book: Book, first: int, last: int) -> pl.DataFrame:
    """ForecastSubmission__c rows: calls, revisions and overrides; a few withdrawn, a few late."""
    part = book.period("forecasts", _submissions, first, last)
    return part.with_columns(
        Id=book.ids("ForecastSubmission__c", part["serial"].to_numpy()),
        OwnerId=taken(book.user_ids, part["submitter"].to_numpy()),
        SubmittedFor__c=taken(book.user_ids, part["subject"].to_numpy()),
        ForecastCategory__c=taken(_CATEGORIES, part["category"].to_numpy()),
        CurrencyIsoCode=taken(_CURRENCIES, part["currency"].to_numpy()),
        Comment__c=taken(_COMMENTS, part["comment"].to_numpy()),
    ).select(
        "Id", "OwnerId", "SubmittedFor__c",
        day_text("starts").alias("PeriodStart__c"),
        day_text("ends").alias("PeriodEnd__c"),
        "ForecastCategory__c",
        pl.col("amount").alias("Amount__c"),
        "CurrencyIsoCode",
        pl.col("is_override").alias("IsOverride__c"),
        "Comment__c",
        *stamps("moment"),
        pl.col("withdrawn").alias("IsDeleted"),
        "_day", "_ts",
        (pl.col("serial") * 2 + pl.col("withdrawn")).alias("_key"),
        dirt(
            (pl.col("late") > 0, "late_record", "CreatedDate", pl.col("late").cast(pl.String)),
            (pl.col("withdrawn"), "deleted_record", "IsDeleted", ""),
        ),
    )  # fmt: skip


def _submissions(book: Book) -> pl.DataFrame:
    """Calls with the day of their export, and again those that were withdrawn."""
    calls = forecast_calls(
        book.true_states, book.world.deals, book.company, book.seed, book.horizon
    )
    serial = calls["serial"].to_numpy()
    gone = every(np.arange(len(serial)), RATES["deleted_forecast"], 71)
    late = chance(serial, book.seed, "forecast late") < RATES["late_forecast"]
    days = 3 + (18 * chance(serial, book.seed, "forecast days late")).astype(np.int64)
    late &= ~gone
    calls = calls.with_columns(
        late=pl.Series(np.where(late, days, 0)), withdrawn=False, _ts=pl.col("moment")
    )
    after = (1 + 30 * chance(serial[gone], book.seed, "forecast withdrawn")) * HOUR
    withdrawn = calls.filter(pl.Series(gone)).with_columns(
        withdrawn=True, _ts=pl.col("moment") + pl.Series(after.astype(np.int64))
    )
    return (
        pl.concat([calls, withdrawn])
        .with_columns(_day=pl.max_horizontal(pl.col("_ts") // DAY + pl.col("late"), START_DAY))
        .filter(pl.col("_ts") < book.horizon)
        .unique(subset=["serial", "_day"], keep="last", maintain_order=True)
    )
