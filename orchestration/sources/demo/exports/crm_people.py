"""Salesforce User, UserRole and Territory2: the selling company itself."""

import numpy as np
import polars as pl

from orchestration.sources.demo import vocabulary as words
from orchestration.sources.demo.clock import (
    DAY,
    HOUR,
    NEVER,
    START_TS,
    moment_text,
)
from orchestration.sources.demo.company import AE, BDR, ROLE_NAMES, SE
from orchestration.sources.demo.exports.book import INTEGRATION_USER, Book
from orchestration.sources.demo.exports.records import (
    exported_on,
    stamps,
    version_key,
    versions,
    within,
)
from orchestration.sources.demo.identifiers import taken

_FOUNDED = START_TS - 1_400 * DAY + 9 * HOUR
_REGIONS = pl.Series(words.REGIONS)
_STANDARD = pl.Series(["All", *words.SEGMENTS])
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
        admin=pl.lit(book.user_ids[INTEGRATION_USER]),
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
    frame = within(exported_on(frame.with_columns(moment=pl.lit(_FOUNDED))), first, last)
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
    frame = within(exported_on(frame), first, last)
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
