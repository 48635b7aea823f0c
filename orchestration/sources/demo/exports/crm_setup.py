"""Salesforce set-up objects: people, roles, territories, products, quotas, rates, campaigns."""

import numpy as np
import polars as pl

from orchestration.sources.demo import finance
from orchestration.sources.demo import vocabulary as words
from orchestration.sources.demo.clock import (
    DAY,
    HOUR,
    NEVER,
    START_TS,
    day_text,
    moment_text,
    month_start,
)
from orchestration.sources.demo.company import AE, BDR, ROLE_NAMES, SE
from orchestration.sources.demo.exports.book import INTEGRATION_USER, Book, dirt, versions
from orchestration.sources.demo.exports.crm_accounts import stamps, version_key
from orchestration.sources.demo.exports.crm_deals import exported_on
from orchestration.sources.demo.identifiers import taken
from orchestration.sources.demo.rates import RATES
from orchestration.sources.demo.streams import every, stream

_FOUNDED = START_TS - 1_400 * DAY + 9 * HOUR
_REGIONS = pl.Series(words.REGIONS)
_STANDARD = pl.Series(["All", *words.SEGMENTS])
_GHOSTS = 9_000_000_000
_MEMBER = {
    "row": pl.Int64, "campaign": pl.Int64, "lead": pl.Int64, "contact": pl.Int64,
    "moment": pl.Int64, "responded": pl.Boolean, "created": pl.Int64, "answered": pl.Int64,
    "ghost": pl.Boolean,
}  # fmt: skip
_NO_DIRT = pl.lit("").alias("_dirt")


def users(book: Book, first: int, last: int) -> pl.DataFrame:
    """User rows: hiring, new manager, promotion to senior, leaving."""
    part = book.period("users", _user_versions, first, last)
    people = book.company.users
    rows = part["row"].to_numpy()
    function = np.array(people.function)[rows]
    region = np.array(people.region)[rows]
    first_name = taken(pl.Series(words.FIRST_NAMES), np.array(people.first)[rows])
    last_name = taken(pl.Series(words.LAST_NAMES), np.array(people.last)[rows])
    team = np.array(people.segment)[rows] + 1
    regional = function != 7
    departed = pl.col("left") <= pl.col("_ts")
    return part.with_columns(
        Id=taken(book.user_ids, rows),
        FirstName=first_name,
        LastName=last_name,
        Email=taken(book.user_emails, rows),
        base_title=taken(pl.Series(ROLE_NAMES), function),
        TimeZoneSidKey=taken(pl.Series(words.TIME_ZONES), region),
        UserRoleId=book.ids("UserRole", _role_numbers(function, region)),
        ManagerId=taken(book.user_ids, part["manager"].to_numpy()),
        Region__c=taken(_REGIONS, np.where(regional, region, -1)),
        team=taken(_STANDARD, team),
        role=taken(pl.Series(["AE", "BDR", "SE", "Management", "Management", "Management",
                              "Management", "Management", "Operations"]), function),
        admin=pl.Series([book.user_ids[INTEGRATION_USER]] * len(rows), dtype=pl.String),
    ).select(
        "Id",
        pl.col("Email").alias("Username"),
        "LastName", "FirstName",
        (pl.col("FirstName") + " " + pl.col("LastName")).alias("Name"),
        pl.lit("Sales").alias("Department"),
        pl.when("senior")
        .then(pl.lit("Senior ") + pl.col("base_title"))
        .otherwise("base_title")
        .alias("Title"),
        "Email",
        (~departed).alias("IsActive"),
        "TimeZoneSidKey", "UserRoleId", "ManagerId",
        *stamps(),
        pl.col("admin").alias("CreatedById"),
        pl.col("admin").alias("LastModifiedById"),
        pl.from_epoch("hired", time_unit="s").dt.to_string("%Y-%m-%d").alias("Hire_Date__c"),
        pl.when(departed)
        .then(pl.from_epoch("left", time_unit="s").dt.to_string("%Y-%m-%d"))
        .alias("Termination_Date__c"),
        "Region__c",
        (pl.col("role") + " " + pl.col("Region__c").fill_null("Global") + " " + pl.col("team"))
        .str.strip_suffix(" All")
        .alias("Team__c"),
        "_day", "_ts", version_key(),
        _NO_DIRT,
    )  # fmt: skip


def _user_versions(book: Book) -> pl.DataFrame:
    """States of users; an account is made five days before the first working day."""
    company = book.company
    people = company.users
    rows = np.arange(len(people.first), dtype=np.int64)
    seat = np.array(people.seat, dtype=np.int64)
    above = np.array([company.seats[s].above for s in people.seat], dtype=np.int64)
    created = company.hired - 5 * DAY + 10 * HOUR
    manager = np.where(above >= 0, company.owner(np.maximum(above, 0), company.hired), -1)
    promoted = company.hired + 730 * DAY + 10 * HOUR
    rises = np.isin(np.array(people.function), (AE, BDR, SE)) & (seat % 3 == 0)
    end = np.where(company.left < NEVER, company.left + 2 * HOUR, NEVER)
    lines = np.flatnonzero(above >= 0)
    changes = book.owner_changes(
        "row", rows[lines], above[lines], company.hired[lines], end[lines]
    ).rename({"owner": "manager"})
    events = [
        pl.DataFrame({"row": rows, "moment": created, "manager": manager, "senior": False}),
        changes,
        pl.DataFrame({"row": rows, "moment": promoted, "senior": True}).filter(pl.Series(rises)),
        pl.DataFrame({"row": rows, "moment": end}).filter(pl.col("moment") < NEVER),
    ]
    life = pl.DataFrame({"row": rows, "created": created, "hired": company.hired, "left": end})
    kept = pl.col("moment") <= pl.col("left")
    frames = [e.join(life, on="row").filter(kept) for e in events]
    here = (pl.col("left") > START_TS) & (pl.col("created") < book.horizon)
    return versions(frames, "row", ["manager", "senior"]).filter(here)


def _role_numbers(function: np.ndarray, region: np.ndarray) -> np.ndarray:
    """Role numbers: 0 for the CRO, else 1 + function by 3 + region."""
    return np.where(function == 7, 0, 1 + function * 3 + region)


def user_roles(book: Book, first: int, last: int) -> pl.DataFrame:
    """UserRole rows: the CRO at the top, then regions' heads, managers and their teams."""
    parents = {8: 7, 6: 7, 3: 6, 4: 6, 5: 6, 0: 3, 1: 4, 2: 5}
    rows = [("Chief Revenue Officer", 0, -1)]
    for function, parent in parents.items():
        for region, name in enumerate(words.REGIONS):
            number = int(_role_numbers(np.array(function), np.array(region)))
            above = int(_role_numbers(np.array(parent), np.array(region)))
            rows.append((f"{ROLE_NAMES[function]} {name}", number, above))
    frame = pl.DataFrame(rows, schema=["Name", "number", "parent"], orient="row")
    frame = _within(exported_on(frame.with_columns(moment=pl.lit(_FOUNDED))), first, last)
    return frame.with_columns(
        Id=book.ids("UserRole", frame["number"].to_numpy()),
        ParentRoleId=book.ids("UserRole", frame["parent"].to_numpy()),
    ).select(
        "Id", "Name", "ParentRoleId",
        pl.col("Name").str.replace_all(" ", "_").alias("DeveloperName"),
        moment_text("_ts", "salesforce").alias("LastModifiedDate"),
        moment_text("_ts", "salesforce").alias("SystemModstamp"),
        "_day", "_ts", pl.col("number").alias("_key"), _NO_DIRT,
    )  # fmt: skip


def _within(frame: pl.DataFrame, first: int, last: int) -> pl.DataFrame:
    return frame.filter(pl.col("_day").is_between(first, last))


def territories(book: Book, first: int, last: int) -> pl.DataFrame:
    """Territory2 rows: regions, segments within them, and a territory for each AE seat."""
    rows: list[tuple[str, int, int, int]] = []
    for region, name in enumerate(words.REGIONS):
        rows.append((name, region, -1, _FOUNDED))
        for segment, label in enumerate(words.SEGMENTS):
            rows.append((f"{name} {label}", 10 + region * 3 + segment, region, _FOUNDED))
    counts: dict[str, int] = {}
    for number, seat in enumerate(book.company.seats):
        if seat.function == AE:
            above = 10 + seat.region * 3 + seat.segment if seat.segment >= 0 else seat.region
            label = words.SEGMENTS[seat.segment] if seat.segment >= 0 else "General"
            name = f"{words.REGIONS[seat.region]} {label}"
            counts[name] = counts.get(name, 0) + 1
            opened = max(_FOUNDED, seat.opened - 10 * DAY)
            rows.append((f"{name} {counts[name]:02d}", 100 + number, above, opened))
    frame = pl.DataFrame(rows, schema=["Name", "number", "parent", "moment"], orient="row")
    frame = _within(exported_on(frame), first, last)
    return frame.with_columns(
        Id=book.ids("Territory2", frame["number"].to_numpy()),
        ParentTerritory2Id=book.ids("Territory2", frame["parent"].to_numpy()),
    ).select(
        "Id", "Name",
        pl.col("Name").str.replace_all(r"[ -]", "_").alias("DeveloperName"),
        "ParentTerritory2Id",
        pl.lit("0MAQw0000000001AAA").alias("Territory2ModelId"),
        pl.lit("0M5Qw0000000001AAA").alias("Territory2TypeId"),
        ("Accounts of " + pl.col("Name")).alias("Description"),
        moment_text("_ts", "salesforce").alias("LastModifiedDate"),
        moment_text("_ts", "salesforce").alias("SystemModstamp"),
        "_day", "_ts", pl.col("number").alias("_key"), _NO_DIRT,
    )  # fmt: skip


def products(book: Book, first: int, last: int) -> pl.DataFrame:
    """Product2 rows; the training day is withdrawn in the second year."""
    frame = pl.DataFrame(
        [(n, p[0], p[1], p[2], _FOUNDED + n * DAY, True) for n, p in enumerate(words.PRODUCTS)]
        + [(8, *words.PRODUCTS[8][:3], START_TS + 500 * DAY + 9 * HOUR, False)],
        schema=["number", "ProductCode", "Name", "Family", "moment", "IsActive"],
        orient="row",
    )
    created = pl.col("moment").min().over("number")
    frame = _within(exported_on(frame.with_columns(created=created)), first, last)
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
    part = _within(exported_on(rates), first, last)
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


def campaigns(book: Book, first: int, last: int) -> pl.DataFrame:
    """Campaign rows: planned, in progress, completed with the actual cost."""
    part = book.period("campaigns", _campaign_versions, first, last)
    store = book.world.demand.campaigns
    rows = part["row"].to_numpy()
    return part.with_columns(
        Id=taken(book.campaign_ids, rows),
        Name=taken(book.campaign_names, rows),
        Type=taken(pl.Series([kind for kind, _ in words.CAMPAIGN_TYPES]), store["kind"][rows]),
        owner=pl.Series([book.user_ids[INTEGRATION_USER]] * len(rows), dtype=pl.String),
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
        part["ghost"].to_numpy(), _GHOSTS + part["row"].to_numpy(), part["lead"].to_numpy()
    )
    return part.with_columns(
        Id=book.ids("CampaignMember", part["row"].to_numpy()),
        CampaignId=taken(book.campaign_ids, part["campaign"].to_numpy()),
        LeadId=book.ids("Lead", lead),
        ContactId=taken(book.contact_ids, part["contact"].to_numpy()),
        user=pl.Series([book.user_ids[INTEGRATION_USER]] * part.height, dtype=pl.String),
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
