"""Salesforce Lead: one row per lead and day of change."""

import numpy as np
import polars as pl

from orchestration.sources.demo import vocabulary as words
from orchestration.sources.demo.clock import NEVER
from orchestration.sources.demo.exports.book import Book
from orchestration.sources.demo.exports.crm_accounts import address_as_typed
from orchestration.sources.demo.exports.records import dirt, stamps, version_key, versions
from orchestration.sources.demo.identifiers import taken
from orchestration.sources.demo.rates import RATES
from orchestration.sources.demo.streams import every

_COUNTRIES = pl.Series([country[0] for country in words.COUNTRIES])
_CITIES = pl.Series([country[6] for country in words.COUNTRIES])
_CURRENCIES = pl.Series([country[2] for country in words.COUNTRIES])
_INDUSTRIES = pl.Series(words.INDUSTRIES)
_SOURCES = pl.Series(words.LEAD_SOURCES)
_TITLES = pl.Series([title for title, _ in words.TITLES])
_FIRST = pl.Series(words.FIRST_NAMES)
_LAST = pl.Series(words.LAST_NAMES)
_RATINGS = pl.Series(["Cold", "Warm", "Hot"])
_PRODUCTS = pl.Series([product[1] for product in words.PRODUCTS])
_STATUSES = pl.Series(words.LEAD_STATUSES)


def leads(book: Book, first: int, last: int) -> pl.DataFrame:
    """Lead rows of the export days from `first` to `last`."""
    part = book.period("leads", _lead_versions, first, last)
    store = book.world.demand.leads
    rows = part["row"].to_numpy()
    converted = pl.Series((part["status"] == 2).to_numpy())
    where = part["status"].to_numpy() == 2
    spoilt = pl.Series(every(rows, RATES["malformed_lead_email"], 41) & (store["origin"][rows] < 0))
    twin = pl.Series(store["origin"][rows] >= 0)
    gone = pl.col("gone") <= pl.col("_ts")
    merged = pl.col("merged") <= pl.col("_ts")
    return part.with_columns(
        Id=taken(book.lead_ids, rows),
        master=taken(book.lead_ids, store["origin"][rows]),
        FirstName=taken(_FIRST, store["first"][rows]),
        LastName=taken(_LAST, store["last"][rows]),
        Title=taken(_TITLES, store["title"][rows]),
        Company=book.company_names(store["name"][rows]),
        City=taken(_CITIES, store["country"][rows]),
        Country=taken(_COUNTRIES, store["country"][rows]),
        Phone=taken(book.lead_phones, rows),
        Email=address_as_typed(taken(book.lead_emails, rows), twin, spoilt, rows),
        Website="https://www." + book.domains(store["name"][rows]),
        LeadSource=taken(_SOURCES, store["source"][rows]),
        Status=taken(_STATUSES, part["status"].to_numpy()),
        Industry=taken(_INDUSTRIES, store["industry"][rows]),
        Rating=taken(_RATINGS, store["rating"][rows]),
        NumberOfEmployees=pl.Series(store["employees"][rows]),
        OwnerId=taken(book.user_ids, part["owner"].to_numpy()),
        IsConverted=converted,
        to_account=taken(book.account_ids, np.where(where, store["to_account"][rows], -1)),
        to_contact=taken(book.contact_ids, np.where(where, store["to_contact"][rows], -1)),
        to_deal=taken(book.opportunity_ids, np.where(where, store["to_opportunity"][rows], -1)),
        CurrencyIsoCode=taken(_CURRENCIES, store["country"][rows]),
        Product_Interest__c=taken(_PRODUCTS, store["interest"][rows]),
        spoilt=spoilt,
        twin=twin,
    ).select(
        "Id",
        gone.alias("IsDeleted"),
        pl.when(merged).then("master").alias("MasterRecordId"),
        "LastName", "FirstName",
        (pl.col("FirstName") + " " + pl.col("LastName")).alias("Name"),
        "Title", "Company", "City", "Country", "Phone", "Email", "Website", "LeadSource",
        "Status", "Industry", "Rating", "NumberOfEmployees", "OwnerId", "IsConverted",
        pl.when("IsConverted")
        .then(pl.from_epoch("end", time_unit="s").dt.to_string("%Y-%m-%d"))
        .alias("ConvertedDate"),
        pl.col("to_account").alias("ConvertedAccountId"),
        pl.col("to_contact").alias("ConvertedContactId"),
        pl.col("to_deal").alias("ConvertedOpportunityId"),
        "CurrencyIsoCode",
        *stamps(),
        pl.col("OwnerId").alias("CreatedById"),
        pl.col("OwnerId").alias("LastModifiedById"),
        "Product_Interest__c",
        "_day", "_ts", version_key(),
        dirt(
            (pl.col("twin") & ~gone, "near_duplicate", "Email", pl.col("master")),
            (merged, "merged_record", "MasterRecordId", pl.col("master")),
            (gone & ~merged, "deleted_record", "IsDeleted", ""),
            (pl.col("spoilt"), "malformed_email", "Email", pl.col("Email")),
        ),
    )  # fmt: skip


def _lead_versions(book: Book) -> pl.DataFrame:
    """Creation, first contact, recycling, change of owner while open, end, merge and deletion."""
    store = book.world.demand.leads
    rows = np.flatnonzero(book.is_known_lead)
    created, end = store["created"][rows], store["end"][rows]
    gone = np.minimum(store["merged"], store["deleted"])[rows]
    outcome = store["outcome"][rows]
    events = [
        pl.DataFrame(
            {"row": rows, "moment": created, "status": 0,
             "owner": book.company.owner(store["seat"][rows], created)}
        ),
        pl.DataFrame({"row": rows, "moment": store["working"][rows], "status": 1}),
        pl.DataFrame({"row": rows, "moment": store["recycled"][rows], "status": 4}),
        pl.DataFrame({"row": rows, "moment": store["returned"][rows], "status": 5}),
        pl.DataFrame({"row": rows, "moment": store["reworked"][rows], "status": 1}),
        book.owner_changes("row", rows, store["seat"][rows], created, np.minimum(end, gone)),
        pl.DataFrame({"row": rows, "moment": end, "status": np.where(outcome == 1, 2, 3)}),
        pl.DataFrame({"row": rows, "moment": gone}),
    ]  # fmt: skip
    life = pl.DataFrame(
        {"row": rows, "gone": gone, "merged": store["merged"][rows], "created": created, "end": end}
    )
    living = (pl.col("moment") <= pl.col("gone")) & (pl.col("moment") < NEVER)
    return versions(
        [
            e.with_columns(pl.col("status").cast(pl.Int64)).join(life, on="row").filter(living)
            if "status" in e.columns
            else e.join(life, on="row").filter(living)
            for e in events
        ],
        "row",
        ["status", "owner"],
    )
