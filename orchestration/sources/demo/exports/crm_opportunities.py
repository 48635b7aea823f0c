"""Salesforce Opportunity with its two histories."""

import numpy as np
import polars as pl

from orchestration.sources.demo import vocabulary as words
from orchestration.sources.demo.clock import (
    DAY,
    NEVER,
    day_text,
    moment_text,
)
from orchestration.sources.demo.exports.book import INTEGRATION_USER, Book
from orchestration.sources.demo.exports.records import (
    GHOSTS,
    dirt,
    exported_on,
    or_ghost,
    stamps,
    version_key,
)
from orchestration.sources.demo.hazards import WON
from orchestration.sources.demo.identifiers import taken
from orchestration.sources.demo.ledger import field_changes, history_rows
from orchestration.sources.demo.market import COUNTRY_CURRENCY
from orchestration.sources.demo.rates import RATES
from orchestration.sources.demo.streams import Array, every

_STAGES = pl.Series(words.STAGES)
_TYPES = pl.Series(words.OPPORTUNITY_TYPES)
_CURRENCY = pl.Series(words.CURRENCIES)
_REASONS = pl.Series(words.LOSS_REASONS)
_RIVALS = pl.Series(words.COMPETITORS)
_SOURCES = pl.Series(words.LEAD_SOURCES)
_CATEGORY_NAMES = pl.Series(words.FORECAST_NAMES)
_CATEGORY_CODES = pl.Series(words.FORECAST_CODES)
_STEPS = pl.Series([text for texts in words.NEXT_STEPS for text in (*texts, *[""] * 8)[:8]])


def next_steps(codes: Array) -> pl.Series:
    """Texts of next-step numbers."""
    text = taken(_STEPS, codes)
    return text.replace("", None)


def account_ids(book: Book, rows: Array, moments: Array) -> pl.Series:
    """Account ids of opportunities at moments: merged accounts resolved, some never existed."""
    account = book.world.deals.opportunities["account"][rows]
    ids = taken(book.account_ids, book.survivors(account, moments))
    ghost = pl.Series(is_orphan(rows))
    ghosts = book.ids("Account", GHOSTS + account)
    return (
        pl.DataFrame({"i": ids, "g": ghosts, "x": ghost})
        .select(pl.when("x").then("g").otherwise("i"))
        .to_series()
    )


def is_orphan(rows: Array) -> Array:
    """Opportunities whose account never existed."""
    return every(rows, RATES["orphan_opportunity_account"], 43)


def opportunity_names(book: Book, rows: Array) -> pl.Series:
    """Opportunity names: account and type."""
    store = book.world.deals.opportunities
    names_ = book.world.market.accounts["name"][store["account"][rows]]
    return book.company_names(names_) + " - " + taken(_TYPES, store["kind"][rows])


def opportunities(book: Book, first: int, last: int) -> pl.DataFrame:
    """Opportunity rows of the export days from `first` to `last`."""
    part = book.period("opportunities", _opportunity_versions, first, last)
    store = book.world.deals.opportunities
    rows, moments = part["opportunity"].to_numpy(), part["_ts"].to_numpy()
    creator = np.where(
        store["bdr_seat"][rows] >= 0, store["bdr_seat"][rows], store["ae_seat"][rows]
    )
    bad, stage = pl.col("bad"), pl.col("stage")
    amount = (
        pl.when(bad == "negative_amount").then(-pl.col("amount")).otherwise("amount").fill_nan(None)
    )
    close_text = (
        pl.when(bad == "malformed_close_date")
        .then(
            pl.when(pl.col("opportunity") % 2 == 0)
            .then(pl.lit("31/02/2026"))
            .otherwise(pl.lit("n/a"))
        )
        .otherwise(day_text("close_day"))
    )
    currency = taken(_CURRENCY, COUNTRY_CURRENCY[store["country"][rows]])
    date = pl.col("close_day").cast(pl.Int32).cast(pl.Date)
    codes = part["next_step"].to_numpy()
    return part.with_columns(
        Id=taken(book.opportunity_ids, rows),
        AccountId=account_ids(book, rows, moments),
        Name=opportunity_names(book, rows),
        stage_name=taken(_STAGES, part["stage"].to_numpy()),
        currency=currency,
        Type=taken(_TYPES, store["kind"][rows]),
        NextStep=next_steps(codes),
        LeadSource=taken(_SOURCES, store["source"][rows]),
        ForecastCategory=taken(_CATEGORY_CODES, part["category"].to_numpy()),
        ForecastCategoryName=taken(_CATEGORY_NAMES, part["category"].to_numpy()),
        CampaignId=taken(book.campaign_ids, store["campaign"][rows]),
        OwnerId=taken(book.user_ids, part["owner"].to_numpy()),
        created=pl.Series(store["created"][rows]),
        CreatedById=taken(book.user_ids, book.company.owner(creator, store["created"][rows])),
        integration=pl.lit(book.user_ids[INTEGRATION_USER]),
        ContactId=taken(book.contact_ids, store["contact"][rows]),
        Loss_Reason__c=taken(_REASONS, part["loss_reason"].to_numpy()),
        Competitor__c=taken(_RIVALS, part["competitor"].to_numpy()),
        orphan=pl.Series(is_orphan(rows)),
        out_amount=part.select(amount).to_series(),
    ).select(
        "Id",
        pl.col("deleted").alias("IsDeleted"),
        "AccountId", "Name",
        pl.when(bad == "unknown_stage")
        .then(pl.lit("Verbal Commit"))
        .otherwise("stage_name")
        .alias("StageName"),
        pl.col("out_amount").alias("Amount"),
        pl.when(bad == "unknown_currency")
        .then(
            pl.when(pl.col("opportunity") % 3 == 0)
            .then(pl.lit("USDT"))
            .otherwise(pl.lit("XXX"))
        )
        .otherwise("currency")
        .alias("CurrencyIsoCode"),
        pl.col("probability").cast(pl.Float64).alias("Probability"),
        (pl.col("out_amount") * pl.col("probability") / 100).round(2).alias("ExpectedRevenue"),
        close_text.alias("CloseDate"),
        "Type", "NextStep", "LeadSource",
        (stage >= WON).alias("IsClosed"),
        (stage == WON).alias("IsWon"),
        "ForecastCategory", "ForecastCategoryName", "CampaignId",
        (pl.col("lines_from") <= pl.col("_ts")).alias("HasOpportunityLineItem"),
        "OwnerId",
        *stamps(),
        "CreatedById",
        pl.when(bad == "").then("OwnerId").otherwise("integration").alias("LastModifiedById"),
        moment_text("stage_moment", "salesforce").alias("LastStageChangeDate"),
        pl.col("pushes").alias("PushCount"),
        date.dt.year().cast(pl.Int64).alias("FiscalYear"),
        date.dt.quarter().cast(pl.Int64).alias("FiscalQuarter"),
        "ContactId", "Loss_Reason__c", "Competitor__c",
        "_day", "_ts", version_key("opportunity"),
        dirt(
            (pl.col("orphan"), "orphan", "AccountId", pl.col("AccountId")),
            (pl.col("deleted"), "deleted_record", "IsDeleted", ""),
            ((bad != "malformed_close_date") & (pl.col("close_day") < pl.col("created") // DAY),
             "close_before_creation", "CloseDate", day_text("close_day")),
            (bad == "negative_amount", "negative_amount", "Amount",
             pl.col("out_amount").cast(pl.String)),
            (pl.col("out_amount").is_null(), "missing_amount", "Amount", ""),
            (bad == "unknown_stage", "unknown_stage", "StageName", "Verbal Commit"),
            (bad == "unknown_currency", "unknown_currency", "CurrencyIsoCode", ""),
            (bad == "malformed_close_date", "malformed_date", "CloseDate", close_text),
        ),
    )  # fmt: skip


def _opportunity_versions(book: Book) -> pl.DataFrame:
    """The last state of each day; bad versions count as states."""
    frame = exported_on(book.states)
    lines = book.quotes.lines.group_by("opportunity").agg(lines_from=pl.col("drawn_up").min())
    return (
        frame.join(lines, on="opportunity", how="left", maintain_order="left")
        .with_columns(pl.col("lines_from").fill_null(NEVER))
        .unique(subset=["opportunity", "_day"], keep="last", maintain_order=True)
    )


def opportunity_history(book: Book, first: int, last: int) -> pl.DataFrame:
    """OpportunityHistory rows, and a few whose opportunity never existed."""
    part = book.period("history", _history, first, last)
    rows = part["opportunity"].to_numpy()
    return part.with_columns(
        Id=book.ids("OpportunityHistory", part["number"].to_numpy()),
        parent=or_ghost(book, "Opportunity", rows, part["ghost"]),
        user=taken(book.user_ids, part["owner"].to_numpy()),
        name=taken(_STAGES, part["stage"].to_numpy()),
        ForecastCategory=taken(_CATEGORY_CODES, part["category"].to_numpy()),
    ).select(
        "Id",
        pl.col("parent").alias("OpportunityId"),
        pl.col("user").alias("CreatedById"),
        moment_text("moment", "salesforce").alias("CreatedDate"),
        pl.when(pl.col("bad") == "unknown_stage")
        .then(pl.lit("Verbal Commit"))
        .otherwise("name")
        .alias("StageName"),
        pl.col("amount").fill_nan(None).alias("Amount"),
        (pl.col("amount").fill_nan(None) * pl.col("probability") / 100)
        .round(2)
        .alias("ExpectedRevenue"),
        day_text("close_day").alias("CloseDate"),
        pl.col("probability").cast(pl.Float64).alias("Probability"),
        "ForecastCategory",
        moment_text("moment", "salesforce").alias("SystemModstamp"),
        pl.lit(False).alias("IsDeleted"),
        pl.col("prev_amount").fill_nan(None).alias("PrevAmount"),
        day_text("prev_close_day").alias("PrevCloseDate"),
        "_day", "_ts",
        pl.col("number").alias("_key"),
        dirt(
            (pl.col("ghost"), "orphan", "OpportunityId", pl.col("parent")),
            (pl.col("bad") == "unknown_stage", "unknown_stage", "StageName", "Verbal Commit"),
            (pl.col("amount").is_nan(), "missing_amount", "Amount", ""),
            (pl.col("close_day") < pl.col("born"), "close_before_creation", "CloseDate",
             day_text("close_day")),
        ),
    )  # fmt: skip


def _history(book: Book) -> pl.DataFrame:
    """History rows with their numbers; ghosts copy every nth row under another parent."""
    store = book.world.deals.opportunities
    rows = history_rows(book.states)
    rows = rows.with_columns(
        number=pl.col("opportunity") * 256
        + pl.when(pl.col("bad") == "").then(pl.col("seq")).otherwise(127),
        ghost=pl.lit(False),
        born=pl.Series(store["created"][rows["opportunity"].to_numpy()] // DAY),
    )
    chosen = every(rows["opportunity"].to_numpy(), RATES["orphan_history"], 3)
    chosen &= (rows["bad"] == "").to_numpy() & (rows["seq"] == 0).to_numpy()
    ghosts = rows.filter(pl.Series(chosen)).with_columns(
        number=pl.col("number") + 255, ghost=pl.lit(True)
    )
    return exported_on(pl.concat([rows, ghosts]))


def field_history(book: Book, first: int, last: int) -> pl.DataFrame:
    """OpportunityFieldHistory rows: one per changed field."""
    part = book.period("fields", lambda b: exported_on(field_changes(b.states)), first, last)
    rows = part["opportunity"].to_numpy()
    return part.with_columns(
        Id=book.ids("OpportunityFieldHistory", part["serial"].to_numpy()),
        OpportunityId=taken(book.opportunity_ids, rows),
        CreatedById=taken(book.user_ids, part["owner"].to_numpy()),
        OldValue=_field_text(book, part, "old"),
        NewValue=_field_text(book, part, "new"),
    ).select(
        "Id",
        pl.lit(False).alias("IsDeleted"),
        "OpportunityId", "CreatedById",
        moment_text("moment", "salesforce").alias("CreatedDate"),
        pl.col("field").alias("Field"),
        pl.col("data_type").alias("DataType"),
        "OldValue", "NewValue", "_day", "_ts",
        pl.col("serial").alias("_key"),
        pl.lit("").alias("_dirt"),
    )  # fmt: skip


def _field_text(book: Book, part: pl.DataFrame, column: str) -> pl.Series:
    """Values of tracked fields as text."""
    code = part[column].fill_null(float("nan")).to_numpy()
    known = ~np.isnan(code)
    index = np.where(known, code, -1).astype(np.int64)
    fields = part["field"].to_numpy()

    def at(field: str) -> Array:
        return np.where(fields == field, index, -1)

    frame = part.select("field").with_columns(
        stage=taken(_STAGES, at("StageName")),
        owner=taken(book.user_ids, at("OwnerId")),
        category=taken(_CATEGORY_NAMES, at("ForecastCategoryName")),
        step=next_steps(at("NextStep")),
        day=pl.Series(np.where(fields == "CloseDate", index, 0)),
        amount=pl.Series(np.where(known & (fields == "Amount"), code, np.nan)).fill_nan(None),
        known=pl.Series(known),
    )
    return frame.select(
        pl.when(pl.col("field") == "StageName")
        .then("stage")
        .when(pl.col("field") == "OwnerId")
        .then("owner")
        .when(pl.col("field") == "ForecastCategoryName")
        .then("category")
        .when(pl.col("field") == "NextStep")
        .then("step")
        .when(pl.col("field") == "CloseDate")
        .then(day_text("day"))
        .otherwise(pl.col("amount").cast(pl.String))
    ).to_series()
