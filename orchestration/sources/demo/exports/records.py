"""What the exports of records share: states by day, time stamps, ghosts, and the dirt column."""

import numpy as np
import polars as pl

from orchestration.sources.demo.clock import (
    DAY,
    START_DAY,
    moment_text,
)
from orchestration.sources.demo.exports.book import Book
from orchestration.sources.demo.streams import Array

GHOSTS = 9_000_000_000  # numbers from here on belong to records that never existed


def versions(events: list[pl.DataFrame], key: str, columns: list[str]) -> pl.DataFrame:
    """The state of each record at the end of each day on which something changed.

    Args:
        events: frames with `key`, `moment` and some of `columns`; missing values mean unchanged.
        key: the record's number.
        columns: the state's columns.

    Returns:
        One row per record and export day, with `_day` (the first day for what came before it) and
        `_ts` (the moment of the last change).
    """
    frame = pl.concat(events, how="diagonal").sort(key, "moment", maintain_order=True)
    return frame.with_columns(
        pl.col(*columns).forward_fill().over(key),
        _ts=pl.col("moment"),
        _day=pl.max_horizontal(pl.col("moment") // DAY, pl.lit(START_DAY)),
    ).unique(subset=[key, "_day"], keep="last", maintain_order=True)


def dirt(*cases: tuple[pl.Expr, str, str, pl.Expr | str]) -> pl.Expr:
    """The hidden `_dirt` column: lines "kind|field|detail" of the cases that hold for a row."""
    lines = [
        pl.when(condition).then(
            pl.concat_str(
                pl.lit(f"{kind}|{field}|"),
                (detail if isinstance(detail, pl.Expr) else pl.lit(detail)).fill_null(""),
            )
        )
        for condition, kind, field, detail in cases
    ]
    return pl.concat_str(lines, separator="\n", ignore_nulls=True).alias("_dirt")


def stamps(created: str = "created", changed: str = "_ts") -> list[pl.Expr]:
    """CreatedDate, LastModifiedDate and SystemModstamp."""
    return [
        moment_text(created, "salesforce").alias("CreatedDate"),
        moment_text(changed, "salesforce").alias("LastModifiedDate"),
        moment_text(changed, "salesforce").alias("SystemModstamp"),
    ]


def version_key(row: str = "row") -> pl.Expr:
    """A unique number of a record's version."""
    return (pl.col(row) * 65_536 + pl.col("_day")).alias("_key")


def exported_on(frame: pl.DataFrame) -> pl.DataFrame:
    """Adds `_ts` and `_day` to a frame of events with a `moment`."""
    return frame.with_columns(
        _ts=pl.col("moment"), _day=pl.max_horizontal(pl.col("moment") // DAY, pl.lit(START_DAY))
    )


def or_ghost(book: Book, kind: str, rows: Array, ghost: pl.Series) -> pl.Series:
    """Ids of existing parents, or of ones that never existed where `ghost` holds."""
    numbers = np.where(ghost.to_numpy(), rows + GHOSTS, rows)
    return book.ids(kind, numbers)


def within(frame: pl.DataFrame, first: int, last: int) -> pl.DataFrame:
    """The rows of the export days from `first` to `last`."""
    return frame.filter(pl.col("_day").is_between(first, last))
