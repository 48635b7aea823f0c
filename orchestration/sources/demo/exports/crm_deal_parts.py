"""Salesforce objects that hang on an opportunity: lines, contact roles, splits."""

import numpy as np
import polars as pl

from orchestration.sources.demo import vocabulary as words
from orchestration.sources.demo.clock import (
    DAY,
    NEVER,
    START_TS,
    moment_text,
)
from orchestration.sources.demo.company import AE, SE
from orchestration.sources.demo.exports.book import Book
from orchestration.sources.demo.exports.crm_opportunities import opportunity_names
from orchestration.sources.demo.exports.records import (
    GHOSTS,
    dirt,
    exported_on,
    or_ghost,
    stamps,
    version_key,
    versions,
    within,
)
from orchestration.sources.demo.hazards import LOST
from orchestration.sources.demo.identifiers import taken
from orchestration.sources.demo.rates import RATES
from orchestration.sources.demo.streams import Array, chance, every

_PRODUCT_CODES = pl.Series([product[0] for product in words.PRODUCTS])
REVENUE_SPLIT, OVERLAY_SPLIT = "149Qw00000Rev01IAA", "149Qw00000Ovl01IAA"
_OVERLAYS = 1_000_000_000  # numbers of overlay splits begin here
_PRODUCT_NAMES = pl.Series([product[1] for product in words.PRODUCTS])


def line_items(book: Book, first: int, last: int) -> pl.DataFrame:
    """OpportunityLineItem rows, and a few whose opportunity never existed."""
    part = book.period("lines", _line_versions, first, last)
    rows, product = part["opportunity"].to_numpy(), part["product"].to_numpy()
    owner = book.world.deals.opportunities["ae_seat"][rows]
    return part.with_columns(
        Id=book.ids("OpportunityLineItem", part["row"].to_numpy()),
        parent=or_ghost(book, "Opportunity", rows, part["ghost"]),
        Product2Id=book.ids("Product2", product),
        ProductCode=taken(_PRODUCT_CODES, product),
        Name=opportunity_names(book, rows) + " - " + taken(_PRODUCT_NAMES, product),
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
        row=pl.col("row") + GHOSTS, ghost=pl.lit(True),
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
        person=or_ghost(book, "Contact", part["contact"].to_numpy(), part["ghost"]),
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
    """OpportunitySplit rows: one deal in eight is shared between its owner and a colleague, and
    sales engineers have overlay credit."""
    part = book.period("splits", _all_split_versions, first, last)
    rows = part["opportunity"].to_numpy()
    return part.with_columns(
        Id=book.ids("OpportunitySplit", part["row"].to_numpy()),
        OpportunityId=taken(book.opportunity_ids, rows),
        SplitOwnerId=taken(book.user_ids, part["user"].to_numpy()),
    ).select(
        "Id", "OpportunityId", "SplitOwnerId",
        pl.col("percentage").alias("SplitPercentage"),
        pl.when(pl.col("row") < _OVERLAYS)
        .then(pl.lit(REVENUE_SPLIT))
        .otherwise(pl.lit(OVERLAY_SPLIT))
        .alias("SplitTypeId"),
        (pl.col("amount").fill_nan(None) * pl.col("percentage") / 100)
        .round(2)
        .alias("SplitAmount"),
        moment_text("since", "salesforce").alias("CreatedDate"),
        moment_text("_ts", "salesforce").alias("SystemModstamp"),
        pl.lit(False).alias("IsDeleted"),
        "_day", "_ts", version_key(),
        pl.lit("").alias("_dirt"),
    )  # fmt: skip


def _all_split_versions(book: Book) -> pl.DataFrame:
    columns = ["row", "opportunity", "user", "percentage", "amount", "since", "_ts", "_day"]
    return pl.concat(
        [_split_versions(book).select(columns), _overlay_versions(book).select(columns)]
    )


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


def _overlay_versions(book: Book) -> pl.DataFrame:
    """Credit of sales engineers from the solution design on, in two deals of three, again whenever
    the amount or the engineer changes. Overlays need not sum to 100: every fourth is 60, and every
    ninth is shared with a second engineer who gets 50 on top."""
    store = book.world.deals.opportunities
    states = book.true_states.filter(~pl.col("amount").is_nan())
    ready = ((pl.col("stage") >= 3) & (pl.col("stage") != LOST)).cum_max().over("opportunity")
    states = states.filter(ready)
    chosen = chance(states["opportunity"].to_numpy(), book.seed, "overlay credit") < 2 / 3
    states = states.filter(pl.Series(chosen))
    rows, moments = states["opportunity"].to_numpy(), states["moment"].to_numpy()
    seats = store["se_seat"][rows]
    engineer = book.company.owner(seats, moments)
    second = book.company.owner(_peers(book, SE)[seats], moments)
    states = states.with_columns(user=pl.Series(engineer), second=pl.Series(second))
    changed = pl.any_horizontal(
        pl.col(c).ne_missing(pl.col(c).shift(1).over("opportunity"))
        for c in ("amount", "user", "second")
    )
    turn = pl.col("opportunity")
    states = states.filter(changed).with_columns(
        since=pl.col("moment").first().over("opportunity"),
        row=_OVERLAYS + 2 * turn,
        percentage=pl.when(turn % 4 == 1).then(60.0).otherwise(100.0),
    )
    others = states.filter((turn % 9 == 2) & (pl.col("user") != pl.col("second"))).with_columns(
        row=pl.col("row") + 1, user="second", percentage=pl.lit(50.0)
    )
    parts = [states.drop("second"), others.drop("second")]
    return versions(parts, "row", ["user", "percentage", "amount"])


def split_types(book: Book, first: int, last: int) -> pl.DataFrame:
    """OpportunitySplitType rows: revenue, which must sum to 100, and overlay, which need not."""
    frame = pl.DataFrame(
        [
            (REVENUE_SPLIT, "Revenue", "Revenue", True, 0),
            (OVERLAY_SPLIT, "Overlay", "Overlay", False, 1),
        ],
        schema=["Id", "DeveloperName", "MasterLabel", "IsTotalValidated", "number"],
        orient="row",
    ).with_columns(moment=pl.lit(START_TS - 1_400 * DAY))
    return within(exported_on(frame), first, last).select(
        "Id", "DeveloperName", "MasterLabel",
        pl.lit("Amount").alias("SplitField"),
        "IsTotalValidated",
        pl.lit(True).alias("IsActive"),
        *stamps("moment"),
        "_day", "_ts", pl.col("number").alias("_key"),
        pl.lit("").alias("_dirt"),
    )  # fmt: skip


def _colleagues(book: Book, rows: Array, owners: Array) -> Array:
    """The other account executive of a split: another seat's holder of the same region."""
    store = book.world.deals.opportunities
    seats = store["ae_seat"][rows]
    user = book.company.owner(_peers(book, AE)[seats], store["created"][rows])
    return np.where(user == owners, book.company.owner(seats, store["created"][rows]), user)


def _peers(book: Book, function: int) -> Array:
    """For each seat another one of a function that is open from the start, of the same region
    where there is one."""
    all_seats = book.company.seats
    other = np.arange(len(all_seats))
    by_region: dict[int, list[int]] = {}
    for number, seat in enumerate(all_seats):
        if seat.function == function and seat.opened <= START_TS:
            by_region.setdefault(seat.region, []).append(number)
    everyone = [n for ns in by_region.values() for n in ns]
    for number, seat in enumerate(all_seats):
        peers = [p for p in by_region.get(seat.region, everyone) if p != number] or everyone
        other[number] = peers[number % len(peers)]
    return other
