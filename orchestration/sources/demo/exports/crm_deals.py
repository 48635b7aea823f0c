"""Salesforce Opportunity and what hangs on it: histories, lines, contact roles, splits."""

import numpy as np
import polars as pl

from orchestration.sources.demo import vocabulary as words
from orchestration.sources.demo.clock import (
    DAY,
    NEVER,
    START_DAY,
    START_TS,
    day_text,
    moment_text,
)
from orchestration.sources.demo.exports.book import INTEGRATION_USER, Book, dirt, versions
from orchestration.sources.demo.exports.crm_accounts import stamps, version_key
from orchestration.sources.demo.hazards import LOST, WON
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
_GHOSTS = 9_000_000_000  # numbers from here on belong to records that never existed


def exported_on(frame: pl.DataFrame) -> pl.DataFrame:
    """Adds `_ts` and `_day` to a frame of events with a `moment`."""
    return frame.with_columns(
        _ts=pl.col("moment"), _day=pl.max_horizontal(pl.col("moment") // DAY, pl.lit(START_DAY))
    )


def next_steps(codes: Array) -> pl.Series:
    """Texts of next-step numbers."""
    text = taken(_STEPS, codes)
    return text.replace("", None)


def account_ids(book: Book, rows: Array, moments: Array) -> pl.Series:
    """Account ids of opportunities at moments: merged accounts resolved, some never existed."""
    account = book.world.deals.opportunities["account"][rows]
    ids = taken(book.account_ids, book.survivors(account, moments))
    ghost = pl.Series(is_orphan(rows))
    ghosts = book.ids("Account", _GHOSTS + account)
    return (
        pl.DataFrame({"i": ids, "g": ghosts, "x": ghost})
        .select(pl.when("x").then("g").otherwise("i"))
        .to_series()
    )


def is_orphan(rows: Array) -> Array:
    """Opportunities whose account never existed."""
    return every(rows, RATES["orphan_opportunity_account"], 43)


def names(book: Book, rows: Array) -> pl.Series:
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
        Name=names(book, rows),
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
        integration=pl.Series([book.user_ids[INTEGRATION_USER]] * len(rows), dtype=pl.String),
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
        parent=_or_ghost(book, "Opportunity", rows, part["ghost"]),
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


def _or_ghost(book: Book, kind: str, rows: Array, ghost: pl.Series) -> pl.Series:
    """Ids of existing parents, or of ones that never existed where `ghost` holds."""
    numbers = np.where(ghost.to_numpy(), rows + _GHOSTS, rows)
    return book.ids(kind, numbers)


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


def line_items(book: Book, first: int, last: int) -> pl.DataFrame:
    """OpportunityLineItem rows, and a few whose opportunity never existed."""
    part = book.period("lines", _line_versions, first, last)
    rows, product = part["opportunity"].to_numpy(), part["product"].to_numpy()
    codes = pl.Series([p[0] for p in words.PRODUCTS])
    labels = pl.Series([p[1] for p in words.PRODUCTS])
    owner = book.world.deals.opportunities["ae_seat"][rows]
    return part.with_columns(
        Id=book.ids("OpportunityLineItem", part["row"].to_numpy()),
        parent=_or_ghost(book, "Opportunity", rows, part["ghost"]),
        Product2Id=book.ids("Product2", product),
        ProductCode=taken(codes, product),
        Name=names(book, rows) + " - " + taken(labels, product),
        user=taken(book.user_ids, book.company.owner(owner, part["drawn_up"].to_numpy())),
    ).select(
        "Id",
        pl.col("parent").alias("OpportunityId"),
        (pl.col("place") + 1).alias("SortOrder"),
        "Product2Id", "ProductCode", "Name",
        pl.col("units").cast(pl.Float64).alias("Quantity"),
        (pl.col("units") * pl.col("price")).round(2).alias("TotalPrice"),
        pl.col("price").alias("UnitPrice"),
        pl.col("list_price").alias("ListPrice"),
        *stamps("drawn_up"),
        pl.col("user").alias("CreatedById"),
        pl.col("user").alias("LastModifiedById"),
        pl.col("gone").alias("IsDeleted"),
        "_day", "_ts", version_key(),
        dirt(
            (pl.col("ghost"), "orphan", "OpportunityId", pl.col("parent")),
            (pl.col("gone") & ~pl.col("ghost"), "deleted_record", "IsDeleted", ""),
        ),
    )  # fmt: skip


def _line_versions(book: Book) -> pl.DataFrame:
    """Lines when drawn up, discounted, changed in quantity and removed, while the deal exists."""
    life = book.world.deals.opportunities["deleted"]
    known = pl.col("opportunity").is_in(book.opportunities.implode())
    lines = book.quotes.lines.filter(known).with_columns(
        row=pl.col("opportunity") * 16 + pl.col("place"), ghost=pl.lit(False)
    )
    end = life[lines["opportunity"].to_numpy()]
    lines = lines.with_columns(end=pl.Series(end))
    chosen = every(lines["row"].to_numpy(), RATES["orphan_line"], 9)
    ghosts = lines.filter(pl.Series(chosen)).with_columns(
        row=pl.col("row") + _GHOSTS, ghost=pl.lit(True),
        discounted=pl.lit(NEVER), requantified=pl.lit(NEVER), removed=pl.lit(NEVER),
    )  # fmt: skip
    lines = pl.concat([lines, ghosts])
    cheap = pl.col("discounted") <= pl.col("moment")
    price = pl.when(cheap).then("unit_price").otherwise("list_price")
    late = pl.col("requantified") <= pl.col("moment")
    events = [
        lines.with_columns(moment=pl.col(event))
        for event in ("drawn_up", "discounted", "requantified", "removed")
    ]
    events = [
        event.filter((pl.col("moment") < NEVER) & (pl.col("moment") <= pl.col("end"))).with_columns(
            price=price,
            units=pl.when(late).then("new_quantity").otherwise("quantity"),
            gone=pl.col("removed") <= pl.col("moment"),
        )
        for event in events
    ]
    events[2] = events[2].filter(pl.col("place") == 0)
    return versions(events, "row", ["price", "units", "gone"])


def contact_roles(book: Book, first: int, last: int) -> pl.DataFrame:
    """OpportunityContactRole rows, and a few whose contact never existed."""
    part = book.period("roles", _role_rows, first, last)
    user = book.world.deals.opportunities["ae_seat"][part["opportunity"].to_numpy()]
    return part.with_columns(
        Id=book.ids("OpportunityContactRole", part["number"].to_numpy()),
        parent=taken(book.opportunity_ids, part["opportunity"].to_numpy()),
        person=_or_ghost(book, "Contact", part["contact"].to_numpy(), part["ghost"]),
        user=taken(book.user_ids, book.company.owner(user, part["moment"].to_numpy())),
        Role=taken(pl.Series(words.CONTACT_ROLES), part["role"].to_numpy()),
    ).select(
        "Id",
        pl.col("parent").alias("OpportunityId"),
        pl.col("person").alias("ContactId"),
        "Role",
        ((pl.col("place") == 0) & ~pl.col("ghost")).alias("IsPrimary"),
        *stamps("moment"),
        pl.col("user").alias("CreatedById"),
        pl.col("user").alias("LastModifiedById"),
        pl.lit(False).alias("IsDeleted"),
        "_day", "_ts",
        pl.col("number").alias("_key"),
        dirt((pl.col("ghost"), "orphan", "ContactId", pl.col("person"))),
    )  # fmt: skip


def _role_rows(book: Book) -> pl.DataFrame:
    roles = book.world.stakeholders.roles.frame()
    roles = roles.filter(pl.col("opportunity").is_in(book.opportunities.implode())).with_columns(
        number=pl.col("opportunity") * 32 + pl.col("place"),
        moment=pl.col("created"),
        ghost=pl.lit(False),
    )
    chosen = every(roles["row"].to_numpy(), RATES["orphan_contact_role"], 15)
    ghosts = roles.filter(pl.Series(chosen)).with_columns(
        number=pl.col("number") + 16, ghost=pl.lit(True)
    )
    return exported_on(pl.concat([roles, ghosts]))


def splits(book: Book, first: int, last: int) -> pl.DataFrame:
    """OpportunitySplit rows: one deal in eight is shared between its owner and a colleague."""
    part = book.period("splits", _split_versions, first, last)
    rows = part["opportunity"].to_numpy()
    return part.with_columns(
        Id=book.ids("OpportunitySplit", part["row"].to_numpy()),
        OpportunityId=taken(book.opportunity_ids, rows),
        SplitOwnerId=taken(book.user_ids, part["user"].to_numpy()),
    ).select(
        "Id", "OpportunityId", "SplitOwnerId",
        pl.col("percentage").alias("SplitPercentage"),
        pl.lit("149Qw00000Rev01IAA").alias("SplitTypeId"),
        (pl.col("amount").fill_nan(None) * pl.col("percentage") / 100)
        .round(2)
        .alias("SplitAmount"),
        moment_text("since", "salesforce").alias("CreatedDate"),
        moment_text("_ts", "salesforce").alias("SystemModstamp"),
        pl.lit(False).alias("IsDeleted"),
        "_day", "_ts", version_key(),
        pl.lit("").alias("_dirt"),
    )  # fmt: skip


def _split_versions(book: Book) -> pl.DataFrame:
    """Both shares from the proposal on, again whenever the amount or the owner changes."""
    states = book.true_states.filter((pl.col("opportunity") % 8 == 5) & ~pl.col("amount").is_nan())
    ready = ((pl.col("stage") >= 4) & (pl.col("stage") != LOST)).cum_max().over("opportunity")
    changed = pl.any_horizontal(
        pl.col(c).ne_missing(pl.col(c).shift(1).over("opportunity")) for c in ("amount", "owner")
    )
    states = (
        states.with_columns(ready=ready)
        .filter("ready")
        .filter((pl.int_range(pl.len()).over("opportunity") == 0) | changed)
    )
    rows = states["opportunity"].to_numpy()
    colleague = _colleagues(book, rows, states["owner"].to_numpy())
    share = (60 + 10 * (rows // 8 % 3)).astype(np.float64)
    states = states.with_columns(since=pl.col("moment").first().over("opportunity"))
    parts = [
        states.with_columns(
            row=pl.col("opportunity") * 2 + place,
            user=pl.Series(user),
            percentage=pl.Series(percentage),
        )
        for place, user, percentage in (
            (0, states["owner"].to_numpy(), share),
            (1, colleague, 100.0 - share),
        )
    ]
    return versions(parts, "row", ["user", "percentage", "amount"])


def _colleagues(book: Book, rows: Array, owners: Array) -> Array:
    """The other account executive of a split: another seat's holder of the same region."""
    store = book.world.deals.opportunities
    seats = store["ae_seat"][rows]
    all_seats = book.company.seats
    other = np.arange(len(all_seats))
    by_region: dict[int, list[int]] = {}
    for number, seat in enumerate(all_seats):
        if seat.function == 0 and seat.opened <= START_TS:
            by_region.setdefault(seat.region, []).append(number)
    everyone = [n for ns in by_region.values() for n in ns]
    for number, seat in enumerate(all_seats):
        peers = [p for p in by_region.get(seat.region, everyone) if p != number] or everyone
        other[number] = peers[number % len(peers)]
    user = book.company.owner(other[seats], store["created"][rows])
    return np.where(user == owners, book.company.owner(seats, store["created"][rows]), user)
