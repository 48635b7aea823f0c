"""Salesforce Account and Contact: one row per record and day of change."""

import numpy as np
import polars as pl

from orchestration.sources.demo import vocabulary as words
from orchestration.sources.demo.clock import DAY, NEVER, START_DAY, month_start
from orchestration.sources.demo.exports.book import Book
from orchestration.sources.demo.exports.records import dirt, stamps, version_key, versions
from orchestration.sources.demo.exports.writing import CHANGE_MONTH
from orchestration.sources.demo.identifiers import taken
from orchestration.sources.demo.rates import RATES
from orchestration.sources.demo.streams import Array, chance, every

_COUNTRIES = pl.Series([country[0] for country in words.COUNTRIES])
_CITIES = pl.Series([country[6] for country in words.COUNTRIES])
_CURRENCIES = pl.Series([country[2] for country in words.COUNTRIES])
_INDUSTRIES = pl.Series(words.INDUSTRIES)
_SEGMENTS = pl.Series(words.SEGMENTS)
_REGIONS = pl.Series(words.REGIONS)
_SOURCES = pl.Series(words.LEAD_SOURCES)
_TITLES = pl.Series([title for title, _ in words.TITLES])
_DEPARTMENTS = pl.Series([department for _, department in words.TITLES])
_FIRST = pl.Series(words.FIRST_NAMES)
_LAST = pl.Series(words.LAST_NAMES)
_HEADCOUNT_BOUNDS = np.array([10, 50, 200, 500, 1_000, 5_000, 10_000])
_HEADCOUNTS = pl.Series(
    ["1-10", "11-50", "51-200", "201-500", "501-1000", "1001-5000", "5001-10000", "10001+"]
)


def accounts(book: Book, first: int, last: int) -> pl.DataFrame:
    """Account rows of the export days from `first` to `last`."""
    part = book.period("accounts", _account_versions, first, last)
    store = book.world.market.accounts
    rows = part["row"].to_numpy()
    trait = {name: store[name][rows] for name in ("country", "industry", "segment", "region")}
    gone = pl.col("gone") <= pl.col("_ts")
    merged = pl.col("merged") <= pl.col("_ts")
    created_by = taken(
        book.user_ids, book.company.owner(store["seat"][rows], store["created"][rows])
    )
    employees, is_text = _employees(book.seed, part)
    return part.with_columns(
        NumberOfEmployees=employees,
        is_text=is_text,
        Id=taken(book.account_ids, rows),
        Name=taken(book.account_names, rows),
        master=taken(book.account_ids, store["origin"][rows]),
        ParentId=taken(book.account_ids, store["parent"][rows]),
        BillingCity=taken(_CITIES, trait["country"]),
        BillingCountry=taken(_COUNTRIES, trait["country"]),
        Phone=book.phones(trait["country"], 90_000_000 + store["name"][rows]),
        Website="https://www." + book.domains(store["name"][rows]),
        Industry=taken(_INDUSTRIES, trait["industry"]),
        AnnualRevenue=pl.Series(store["revenue"][rows]),
        CurrencyIsoCode=taken(_CURRENCIES, trait["country"]),
        OwnerId=taken(book.user_ids, part["owner"].to_numpy()),
        CreatedById=created_by,
        AccountSource=taken(_SOURCES, store["source"][rows]),
        Segment__c=taken(_SEGMENTS, trait["segment"]),
        Region__c=taken(_REGIONS, trait["region"]),
        duplicate=taken(book.account_ids, store["origin"][rows]),
    ).select(
        "Id",
        gone.alias("IsDeleted"),
        pl.when(merged).then("master").alias("MasterRecordId"),
        "Name",
        pl.when("customer")
        .then(pl.lit("Customer"))
        .otherwise(pl.lit("Prospect"))
        .alias("Type"),
        "ParentId", "BillingCity", "BillingCountry", "Phone", "Website", "Industry",
        "AnnualRevenue",
        "NumberOfEmployees",
        "CurrencyIsoCode", "OwnerId",
        *stamps(),
        "CreatedById",
        pl.col("OwnerId").alias("LastModifiedById"),
        "AccountSource", "Segment__c", "Region__c",
        "_day", "_ts", version_key(),
        dirt(
            (pl.col("duplicate").is_not_null() & ~gone, "near_duplicate", "Name",
             pl.col("duplicate")),
            (merged, "merged_record", "MasterRecordId", pl.col("master")),
            (gone & ~merged, "deleted_record", "IsDeleted", ""),
            (pl.col("is_text"), "text_number", "NumberOfEmployees", pl.col("NumberOfEmployees")),
        ),
    )  # fmt: skip


def _account_versions(book: Book) -> pl.DataFrame:
    """Creation, change of owner or territory, first purchase, headcount, merge and deletion."""
    store = book.world.market.accounts
    rows = np.arange(len(store), dtype=np.int64)
    gone = np.minimum(store["merged"], store["deleted"])
    created = store["created"]
    since = np.maximum(store["customer_from"], created)
    customers = np.flatnonzero(store["customer_from"] < NEVER)
    updated = np.flatnonzero(chance(rows, book.seed, "headcount updated") < 0.3)
    moment = (
        START_DAY + (700 * chance(updated, book.seed, "headcount day")).astype(np.int64)
    ) * DAY
    grown = store["employees"][updated] * (0.9 + 0.4 * chance(updated, book.seed, "headcount"))
    held = book.account_seats
    moved = held.filter((pl.col("place") > 0) & (pl.col("since") < book.horizon))
    columns = ("row", "seat", "since", "until")
    events = [
        pl.DataFrame(
            {"row": rows, "moment": created, "owner": book.company.owner(store["seat"], created),
             "customer": False, "employees": store["employees"]}
        ),
        book.owner_changes("row", *(held[name].to_numpy() for name in columns)),
        moved.select(
            "row",
            pl.col("since").alias("moment"),
            pl.Series("owner", book.company.owner(*(moved[n].to_numpy() for n in columns[1:3]))),
        ),
        pl.DataFrame({"row": customers, "moment": since[customers], "customer": True}),
        pl.DataFrame(
            {"row": updated, "moment": moment + 40_000,
             "employees": np.maximum(1, grown.astype(np.int64))}
        ).filter(pl.col("moment") > pl.Series(created[updated])),
        pl.DataFrame({"row": rows, "moment": gone}).filter(pl.col("moment") < NEVER),
    ]  # fmt: skip
    life = pl.DataFrame({"row": rows, "gone": gone, "merged": store["merged"], "created": created})
    return versions(
        [e.join(life, on="row").filter(pl.col("moment") <= pl.col("gone")) for e in events],
        "row",
        ["owner", "customer", "employees"],
    )


def _employees(seed: int, part: pl.DataFrame) -> tuple[pl.Series, pl.Series]:
    """Headcounts as exported, and which of them are not a plain number.

    Up to the change of the column's type all are numbers, from then on also "1,200" and "201-500".
    """
    count = part["employees"].to_numpy()
    plain = pl.Series(count).cast(pl.String)
    free = part["_day"].to_numpy() >= month_start(CHANGE_MONTH)
    style = chance(part["row"].to_numpy(), seed, "headcount style")
    ranged = free & (style < 0.15)
    grouped = free & ~ranged & (style < 0.4) & (count >= 1_000)
    ranges = taken(_HEADCOUNTS, np.searchsorted(_HEADCOUNT_BOUNDS, count))
    thousands = pl.Series(count // 1_000).cast(pl.String) + ","
    thousands += pl.Series(count % 1_000).cast(pl.String).str.zfill(3)
    frame = pl.DataFrame({"p": plain, "r": ranges, "t": thousands, "is_r": ranged, "is_t": grouped})
    text = pl.when("is_r").then("r").when("is_t").then("t").otherwise("p")
    return frame.select(text).to_series(), pl.Series(ranged | grouped)


def contacts(book: Book, first: int, last: int) -> pl.DataFrame:
    """Contact rows of the export days from `first` to `last`."""
    part = book.period("contacts", _contact_versions, first, last)
    store, parents = book.world.market.contacts, book.world.market.accounts
    rows = part["row"].to_numpy()
    moments = part["_ts"].to_numpy()
    account = store["account"][rows]
    country = parents["country"][account]
    gone = pl.col("gone") <= pl.col("_ts")
    merged = pl.col("merged") <= pl.col("_ts")
    spoilt = pl.Series(every(rows, RATES["malformed_contact_email"], 37))
    spoilt &= pl.Series(store["origin"][rows] < 0)
    true_address = taken(book.contact_emails, rows)
    twin = pl.Series(store["origin"][rows] >= 0)
    return part.with_columns(
        Id=taken(book.contact_ids, rows),
        master=taken(book.contact_ids, store["origin"][rows]),
        AccountId=taken(book.account_ids, book.survivors(account, moments)),
        FirstName=taken(_FIRST, store["first"][rows]),
        LastName=taken(_LAST, store["last"][rows]),
        Email=address_as_typed(true_address, twin, spoilt, rows),
        Phone=taken(book.contact_phones, rows),
        MailingCountry=taken(_COUNTRIES, country),
        MailingCity=taken(_CITIES, country),
        Title=taken(_TITLES, store["title"][rows]),
        Department=taken(_DEPARTMENTS, store["title"][rows]),
        LeadSource=taken(_SOURCES, store["source"][rows]),
        OwnerId=taken(book.user_ids, part["owner"].to_numpy()),
        CurrencyIsoCode=taken(_CURRENCIES, country),
        spoilt=spoilt,
        twin=twin,
    ).select(
        "Id",
        gone.alias("IsDeleted"),
        pl.when(merged).then("master").alias("MasterRecordId"),
        "AccountId", "LastName", "FirstName",
        (pl.col("FirstName") + " " + pl.col("LastName")).alias("Name"),
        "Email", "Phone", "MailingCity", "MailingCountry", "Title", "Department", "LeadSource",
        "OwnerId", "CurrencyIsoCode",
        *stamps(),
        pl.col("OwnerId").alias("CreatedById"),
        pl.col("OwnerId").alias("LastModifiedById"),
        "_day", "_ts", version_key(),
        dirt(
            (pl.col("twin") & ~gone, "near_duplicate", "Email", pl.col("master")),
            (merged, "merged_record", "MasterRecordId", pl.col("master")),
            (gone & ~merged, "deleted_record", "IsDeleted", ""),
            (pl.col("spoilt"), "malformed_email", "Email", pl.col("Email")),
        ),
    )  # fmt: skip


def _contact_versions(book: Book) -> pl.DataFrame:
    """Creation, change of the account's owner, merge and deletion."""
    store = book.world.market.contacts
    rows = np.arange(len(store), dtype=np.int64)
    seat = book.world.market.accounts["seat"][store["account"]]
    gone = np.minimum(store["merged"], store["deleted"])
    created = store["created"]
    events = [
        pl.DataFrame({"row": rows, "moment": created, "owner": book.company.owner(seat, created)}),
        book.owner_changes("row", rows, seat, created, gone),
        pl.DataFrame({"row": rows, "moment": gone}).filter(pl.col("moment") < NEVER),
    ]
    life = pl.DataFrame({"row": rows, "gone": gone, "merged": store["merged"], "created": created})
    return versions(
        [e.join(life, on="row").filter(pl.col("moment") <= pl.col("gone")) for e in events],
        "row",
        ["owner"],
    )


def address_as_typed(true: pl.Series, twin: pl.Series, spoilt: pl.Series, rows: Array) -> pl.Series:
    """The address as typed: a duplicate's in capitals, a spoilt one without a usable form."""
    frame = pl.DataFrame({"a": true, "twin": twin, "spoilt": spoilt, "turn": rows // 3 % 4})
    a, turn = pl.col("a"), pl.col("turn")
    return frame.select(
        pl.when("spoilt")
        .then(
            pl.when(turn == 0)
            .then(a.str.replace("@", "(at)", literal=True))
            .when(turn == 1)
            .then(a.str.replace("@", "@@", literal=True))
            .when(turn == 2)
            .then(a.str.replace("@.*$", ""))
            .otherwise(a.str.replace("@", " @", literal=True).str.replace(".example", ""))
        )
        .when("twin")
        .then(a.str.to_uppercase())
        .otherwise("a")
    ).to_series()
