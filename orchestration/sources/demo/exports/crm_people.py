"""Salesforce User, UserRole, Territory2 and who and what is in a territory: the selling company."""

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
from orchestration.sources.demo.company import AE, BDR, CRO, ROLE_NAMES, SE
from orchestration.sources.demo.exports.book import INTEGRATION_USER, Book
from orchestration.sources.demo.exports.records import (
    dirt,
    exported_on,
    stamps,
    version_key,
    versions,
    within,
)
from orchestration.sources.demo.identifiers import taken
from orchestration.sources.demo.streams import Array

_FOUNDED = START_TS - 1_400 * DAY + 9 * HOUR
_SEAT_TERRITORIES = 100  # numbers of territories of seats begin here
_REGIONS = pl.Series(words.REGIONS)
_STANDARD = pl.Series(["All", *words.SEGMENTS])
_TEAM_ROLES = pl.Series(["AE", "BDR", "SE", *["Management"] * 5, "Operations"])
_NO_DIRT = pl.lit("").alias("_dirt")
# what a user is at first; a move of the seat says nothing about it
_AT_FIRST = pl.when(pl.col("moment") == pl.col("created")).then(pl.lit(False))


def users(book: Book, first: int, last: int) -> pl.DataFrame:
    """User rows: hiring, new manager or team, promotion to senior, leaving."""
    part = book.period("users", _user_versions, first, last)
    people = book.company.users
    rows = part["row"].to_numpy()
    function = np.array(people.function)[rows]
    home = np.array(people.region)[rows]
    region, segment = part["region"].to_numpy(), part["segment"].to_numpy()
    first_name = taken(pl.Series(words.FIRST_NAMES), np.array(people.first)[rows])
    last_name = taken(pl.Series(words.LAST_NAMES), np.array(people.last)[rows])
    regional = function != CRO
    departed = pl.col("left") <= pl.col("_ts")
    return part.with_columns(
        Id=taken(book.user_ids, rows),
        FirstName=first_name,
        LastName=last_name,
        Email=taken(book.user_emails, rows),
        base_title=taken(pl.Series(ROLE_NAMES), function),
        TimeZoneSidKey=taken(pl.Series(words.TIME_ZONES), home),
        UserRoleId=book.ids("UserRole", _role_numbers(function, region)),
        ManagerId=taken(book.user_ids, part["manager"].to_numpy()),
        Region__c=taken(_REGIONS, np.where(regional, region, -1)),
        Team__c=team_names(function, region, segment),
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
        "Team__c",
        "_day", "_ts", version_key(),
        _NO_DIRT,
    )  # fmt: skip


def team_names(function: Array, region: Array, segment: Array) -> pl.Series:
    """Names of teams: what they do, where, and for which segment if not for all."""
    frame = pl.DataFrame(
        {
            "role": taken(_TEAM_ROLES, function),
            "region": taken(_REGIONS, np.where(function != CRO, region, -1)),
            "segment": taken(_STANDARD, segment + 1),
        }
    )
    name = pl.col("role") + " " + pl.col("region").fill_null("Global") + " " + pl.col("segment")
    return frame.select(name.str.strip_suffix(" All")).to_series()


def _user_versions(book: Book) -> pl.DataFrame:
    """States of users; an account is made five days before the first working day."""
    company = book.company
    people = company.users
    rows = np.arange(len(people.first), dtype=np.int64)
    seat = np.array(people.seat, dtype=np.int64)
    created = company.hired - 5 * DAY + 10 * HOUR
    promoted = company.hired + 730 * DAY + 10 * HOUR
    rises = np.isin(np.array(people.function), (AE, BDR, SE)) & (seat % 3 == 0)
    end = np.where(company.left < NEVER, company.left + 2 * HOUR, NEVER)
    life = pl.DataFrame({"row": rows, "created": created, "hired": company.hired, "left": end})
    placed = _places(book, life.with_columns(seat=pl.Series(seat)))
    below = placed.filter(pl.col("above") >= 0)
    columns = ("row", "above", "known", "until")
    changes = book.owner_changes("row", *(below[name].to_numpy() for name in columns))
    events = [
        placed.select("row", "moment", "manager", "region", "segment", senior=_AT_FIRST),
        changes.rename({"owner": "manager"}),
        pl.DataFrame({"row": rows, "moment": promoted, "senior": True}).filter(pl.Series(rises)),
        pl.DataFrame({"row": rows, "moment": end}).filter(pl.col("moment") < NEVER),
    ]
    kept = pl.col("moment") <= pl.col("left")
    frames = [e.join(life, on="row").filter(kept) for e in events]
    here = (pl.col("left") > START_TS) & (pl.col("created") < book.horizon)
    return versions(frames, "row", ["manager", "region", "segment", "senior"]).filter(here)


def _places(book: Book, life: pl.DataFrame) -> pl.DataFrame:
    """Where each user stands: one row for the beginning and one for each move of the user's seat.

    Columns of `life`, moment, above (seat), region, segment, manager, known (from when on changes
    of the holder of `above` matter) and until.
    """
    lines = pl.DataFrame(
        [
            (seat, line.since, line.until, line.above, line.region, line.segment)
            for seat in range(len(book.company.seats))
            for line in book.reorganisations.lines(seat)
        ],
        schema=["seat", "from", "to", "above", "region", "segment"],
        orient="row",
    )
    placed = life.join(lines, on="seat", maintain_order="left_right").filter(
        (pl.col("to") > pl.col("created")) & (pl.col("from") < pl.col("left"))
    )
    placed = placed.with_columns(
        moment=pl.max_horizontal("from", "created"),
        known=pl.max_horizontal("from", "hired"),
        until=pl.min_horizontal("to", "left"),
    )
    above = placed["above"].to_numpy()
    manager = book.company.owner(np.maximum(above, 0), placed["known"].to_numpy())
    return placed.with_columns(manager=pl.Series(np.where(above >= 0, manager, -1)))


def _role_numbers(function: Array, region: Array) -> Array:
    """Role numbers: 0 for the CRO, else 1 + function by 3 + region."""
    return np.where(function == CRO, 0, 1 + function * 3 + region)


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
            place = _SEAT_TERRITORIES + number
            rows.append((f"{name} {counts[name]:02d}", place, above, opened))
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


def territory_numbers(seats: Array) -> Array:
    """Numbers of the territories of seats."""
    return _SEAT_TERRITORIES + seats.astype(np.int64)


def account_territories(book: Book, first: int, last: int) -> pl.DataFrame:
    """ObjectTerritory2Association rows: an account is assigned, and the assignment taken back."""
    part = book.period("account territories", _account_territories, first, last)
    territory = book.ids("Territory2", territory_numbers(part["seat"].to_numpy()))
    former = book.ids("Territory2", territory_numbers(part["former"].fill_null(0).to_numpy()))
    return part.with_columns(
        Id=book.ids("ObjectTerritory2Association", part["number"].to_numpy()),
        ObjectId=taken(book.account_ids, part["row"].to_numpy()),
        Territory2Id=territory,
        former_id=former,
        admin=pl.lit(book.user_ids[INTEGRATION_USER]),
    ).select(
        "Id", "ObjectId", "Territory2Id",
        pl.lit("Account").alias("SobjectType"),
        pl.when(pl.col("place") == 0)
        .then(pl.lit("Territory2AssignmentRule"))
        .otherwise(pl.lit("Territory2Manual"))
        .alias("AssociationCause"),
        pl.col("gone").alias("IsDeleted"),
        moment_text("_ts", "salesforce").alias("LastModifiedDate"),
        pl.col("admin").alias("LastModifiedById"),
        moment_text("_ts", "salesforce").alias("SystemModstamp"),
        "_day", "_ts", version_key("number"),
        dirt(
            (pl.col("overlaps") & ~pl.col("gone"), "territory_overlap", "Territory2Id",
             pl.col("former_id")),
        ),
    )  # fmt: skip


def _account_territories(book: Book) -> pl.DataFrame:
    """Assignments of accounts as they begin and end; `former` is the seat of the one before."""
    held = book.account_seats.with_columns(
        number=pl.col("row") * 64 + pl.col("place"),
        former=pl.col("seat").shift(1).over("row"),
        overlaps=(pl.col("released").shift(1).over("row") > pl.col("since")).fill_null(False),
    )
    return _begun_and_ended(book, held, "released")


def user_territories(book: Book, first: int, last: int) -> pl.DataFrame:
    """UserTerritory2Association rows: who looks after a territory, holder of the seat or not."""
    part = book.period("user territories", _user_territories, first, last)
    return part.with_columns(
        Id=book.ids("UserTerritory2Association", part["number"].to_numpy()),
        UserId=taken(book.user_ids, part["user"].to_numpy()),
        Territory2Id=book.ids("Territory2", territory_numbers(part["seat"].to_numpy())),
        admin=pl.lit(book.user_ids[INTEGRATION_USER]),
    ).select(
        "Id", "UserId", "Territory2Id",
        pl.when("holds").then(pl.lit("Owner")).otherwise(pl.lit("Stand-in")).alias(
            "RoleInTerritory2"
        ),
        (~pl.col("gone")).alias("IsActive"),
        pl.col("gone").alias("IsDeleted"),
        moment_text("_ts", "salesforce").alias("LastModifiedDate"),
        pl.col("admin").alias("LastModifiedById"),
        moment_text("_ts", "salesforce").alias("SystemModstamp"),
        "_day", "_ts", version_key("number"), _NO_DIRT,
    )  # fmt: skip


def _user_territories(book: Book) -> pl.DataFrame:
    """Who looks after the seat of each territory, and until when."""
    company = book.company
    seat = company.timeline_keys >> 32
    opened = np.array([s.opened for s in company.seats], dtype=np.int64)[seat]
    function = np.array([s.function for s in company.seats], dtype=np.int64)[seat]
    holds = np.array(company.users.seat, dtype=np.int64)[company.timeline_users] == seat
    held = pl.DataFrame(
        {
            "seat": seat,
            "user": company.timeline_users,
            "since": company.timeline_keys & 0xFFFFFFFF,
            "opened": np.maximum(opened, _FOUNDED),
            "holds": holds,
        }
    ).filter(pl.Series(function == AE))
    held = held.with_columns(
        place=pl.int_range(pl.len()).over("seat"),
        until=pl.col("since").shift(-1).over("seat").fill_null(NEVER),
        since=pl.max_horizontal("since", "opened"),
    ).with_columns(number=pl.col("seat") * 256 + pl.col("place"))
    return _begun_and_ended(book, held.filter(pl.col("until") > START_TS), "until")


def _begun_and_ended(book: Book, held: pl.DataFrame, until: str) -> pl.DataFrame:
    """Two versions of each row, when it begins and when it is taken back, as far as in time."""
    begun = held.with_columns(moment=pl.col("since"), gone=pl.lit(False))
    ended = held.with_columns(moment=pl.col(until), gone=pl.lit(True))
    events = [frame.filter(pl.col("moment") < book.horizon) for frame in (begun, ended)]
    return versions(events, "number", ["gone"])
