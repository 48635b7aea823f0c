"""Salesforce Campaign and CampaignMember."""

import numpy as np
import polars as pl

from orchestration.sources.demo import vocabulary as words
from orchestration.sources.demo.clock import (
    DAY,
    HOUR,
    NEVER,
    day_text,
    month_start,
)
from orchestration.sources.demo.exports.book import INTEGRATION_USER, Book
from orchestration.sources.demo.exports.records import GHOSTS, dirt, stamps, version_key, versions
from orchestration.sources.demo.identifiers import taken
from orchestration.sources.demo.rates import RATES
from orchestration.sources.demo.streams import every, stream

_MEMBER = {
    "row": pl.Int64, "campaign": pl.Int64, "lead": pl.Int64, "contact": pl.Int64,
    "moment": pl.Int64, "responded": pl.Boolean, "created": pl.Int64, "answered": pl.Int64,
    "ghost": pl.Boolean,
}  # fmt: skip
_NO_DIRT = pl.lit("").alias("_dirt")


def campaigns(book: Book, first: int, last: int) -> pl.DataFrame:
    """Campaign rows: planned, in progress, completed with the actual cost."""
    part = book.period("campaigns", _campaign_versions, first, last)
    store = book.world.demand.campaigns
    rows = part["row"].to_numpy()
    return part.with_columns(
        Id=taken(book.campaign_ids, rows),
        Name=taken(book.campaign_names, rows),
        Type=taken(pl.Series([kind for kind, _ in words.CAMPAIGN_TYPES]), store["kind"][rows]),
        owner=pl.lit(book.user_ids[INTEGRATION_USER]),
        starts=pl.Series(store["starts"][rows]),
        ends=pl.Series(store["ends"][rows]),
        created=pl.Series(store["created"][rows]),
        budget=pl.Series(store["budget"][rows]),
        cost=pl.Series(store["cost"][rows]),
    ).select(
        "Id",
        pl.lit(False).alias("IsDeleted"),
        "Name",
        pl.lit(None, dtype=pl.String).alias("ParentId"),
        "Type", "Status",
        day_text("starts").alias("StartDate"),
        day_text("ends").alias("EndDate"),
        pl.col("budget").alias("BudgetedCost"),
        pl.when(pl.col("Status") == "Completed").then("cost").alias("ActualCost"),
        (pl.col("Status") == "In Progress").alias("IsActive"),
        pl.col("owner").alias("OwnerId"),
        pl.lit("USD").alias("CurrencyIsoCode"),
        *stamps(),
        pl.col("owner").alias("CreatedById"),
        pl.col("owner").alias("LastModifiedById"),
        "_day", "_ts", version_key(), _NO_DIRT,
    )  # fmt: skip


def _campaign_versions(book: Book) -> pl.DataFrame:
    store = book.world.demand.campaigns
    rows = np.arange(len(store), dtype=np.int64)
    events = [
        pl.DataFrame({"row": rows, "moment": moment, "Status": status})
        for moment, status in (
            (store["created"], "Planned"),
            (store["starts"] * DAY + 8 * HOUR, "In Progress"),
            (store["ends"] * DAY + 17 * HOUR, "Completed"),
        )
    ]
    return versions(events, "row", ["Status"])


def campaign_members(book: Book, first: int, last: int) -> pl.DataFrame:
    """CampaignMember rows: leads of a campaign, invited contacts, and a few orphans."""
    part = book.period("members", _member_versions, first, last)
    lead = np.where(
        part["ghost"].to_numpy(), GHOSTS + part["row"].to_numpy(), part["lead"].to_numpy()
    )
    return part.with_columns(
        Id=book.ids("CampaignMember", part["row"].to_numpy()),
        CampaignId=taken(book.campaign_ids, part["campaign"].to_numpy()),
        LeadId=book.ids("Lead", lead),
        ContactId=taken(book.contact_ids, part["contact"].to_numpy()),
        user=pl.lit(book.user_ids[INTEGRATION_USER]),
    ).select(
        "Id",
        pl.lit(False).alias("IsDeleted"),
        "CampaignId", "LeadId", "ContactId",
        pl.when("responded").then(pl.lit("Responded")).otherwise(pl.lit("Sent")).alias("Status"),
        pl.col("responded").alias("HasResponded"),
        *stamps(),
        pl.col("user").alias("CreatedById"),
        pl.when("responded")
        .then(pl.from_epoch("answered", time_unit="s").dt.to_string("%Y-%m-%d"))
        .alias("FirstRespondedDate"),
        pl.when(pl.col("lead") >= 0)
        .then(pl.lit("Lead"))
        .otherwise(pl.lit("Contact"))
        .alias("Type"),
        "_day", "_ts", version_key(),
        dirt((pl.col("ghost"), "orphan", "LeadId", pl.col("LeadId"))),
    )  # fmt: skip


def _member_versions(book: Book) -> pl.DataFrame:
    """Leads respond when they come in; contacts are invited first and may respond later."""
    leads = book.world.demand.leads
    numbers = np.flatnonzero(book.is_known_lead & (leads["campaign"] >= 0) & (leads["origin"] < 0))
    base = pl.DataFrame(
        {
            "row": numbers * 4, "campaign": leads["campaign"][numbers], "lead": numbers,
            "contact": -1, "moment": leads["created"][numbers], "responded": True,
            "created": leads["created"][numbers], "answered": leads["created"][numbers],
            "ghost": False,
        }
    )  # fmt: skip
    ghosts = base.filter(pl.Series(every(numbers, RATES["orphan_campaign_member"], 21)))
    ghosts = ghosts.with_columns(row=pl.col("row") + 1, ghost=pl.lit(True))
    converted = leads["to_contact"][numbers] >= 0
    linked = base.with_columns(
        moment=pl.Series(leads["end"][numbers]), contact=pl.Series(leads["to_contact"][numbers])
    ).filter(pl.Series(converted))
    invited = [_invited(book, month) for month in range(-6, book.world.last_month + 1)]
    frames = [
        frame.select(list(_MEMBER)).cast(pl.Schema(_MEMBER))
        for frame in (base, ghosts, linked, *invited)
    ]
    return versions(frames, "row", ["responded", "contact"])


def _invited(book: Book, month: int) -> pl.DataFrame:
    """Known contacts invited to the webinars, mailings and trade shows planned in a month."""
    campaigns_, contacts = book.world.demand.campaigns, book.world.market.contacts
    rng = stream(book.seed, month, "invitations")
    rows = np.arange((month + 6) * 4, (month + 6) * 4 + 4)
    rows = rows[np.isin(campaigns_["kind"][rows], (0, 1, 2))]
    pool = np.flatnonzero(
        (contacts["created"] < month_start(month) * DAY)
        & (contacts["origin"] < 0)
        & (contacts["deleted"] == NEVER)
    )
    parts: list[pl.DataFrame] = []
    campaign_rows: list[int] = rows.tolist() if len(pool) else []
    for row in campaign_rows:
        chosen = np.sort(rng.choice(pool, max(2, len(pool) // 60), replace=False))
        moment = (campaigns_["starts"][row] - 5) * DAY + 8 * HOUR
        answers = rng.random(len(chosen)) < 0.22
        answered = moment + rng.integers(DAY, 9 * DAY, len(chosen))
        member = pl.DataFrame(
            {
                "row": (chosen * 256 + row % 256) * 4 + 2, "campaign": row, "lead": -1,
                "contact": chosen, "moment": moment, "responded": False, "created": moment,
                "answered": answered, "ghost": False,
            }
        )  # fmt: skip
        member = member.select(list(_MEMBER)).cast(pl.Schema(_MEMBER))
        later = member.with_columns(moment=pl.col("answered"), responded=pl.lit(True))
        parts += [member, later.filter(pl.Series(answers))]
    return pl.concat(parts) if parts else pl.DataFrame(schema=_MEMBER)
