"""Files of the landing zone: order, duplicates, encodings and formats, written once and for all."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl

from orchestration.sources.demo.clock import day_date, month_of
from orchestration.sources.demo.identifiers import taken
from orchestration.sources.demo.rates import RATES
from orchestration.sources.demo.streams import chance

# Whole files that an old export job wrote in another encoding, by object and month (0 = 2024-07).
ENCODINGS = {
    ("Contact", 7): "cp1252",
    ("Contact", 14): "utf-16",
    ("Lead", 4): "cp1252",
    ("Lead", 18): "utf-16",
}
CHANGE_MONTH = 12  # from 2025-07 on one column is new and two have another type
_SCHEMA_CHANGES = {
    "Lead": ("new_column", "Product_Interest__c", "appears"),
    "Account": ("type_change", "NumberOfEmployees", "number becomes text"),
    "Opportunity": ("type_change", "Probability", "integer becomes double"),
    "OpportunityHistory": ("type_change", "Probability", "integer becomes double"),
}
_MARKS = pl.Series(["out_of_order||", "exact_duplicate||"])
_DIRT = pl.Schema(
    (name, pl.String())
    for name in ("kind", "system", "object", "file", "source_id", "field", "detail")
)
_SHUFFLED = {"Opportunity", "OpportunityHistory", "Contact", "messages", "calls", "Task"}


@dataclass(frozen=True)
class LandedFile:
    """A file that was written: where, which system and object, rows, first and last export day."""

    path: Path
    system: str
    object: str
    rows: int
    first_day: date
    last_day: date


@dataclass(frozen=True)
class Export:
    """An object's export: where it goes, in which format, and the column that names a record.

    `reach` is for what is drawn month by month: how many months after the one in which a record is
    drawn it may still reach the export.
    """

    system: str
    object: str
    format: str
    key: str
    reach: int = 1


def write(
    export: Export, frame: pl.DataFrame, seed: int, landing: Path, first: int, last: int
) -> tuple[LandedFile, pl.DataFrame]:
    """Write a file for the export days `first` to `last`, unless it is there already.

    Args:
        export: what the rows are an export of.
        frame: the vendor's columns and the hidden `_day`, `_ts`, `_key` (unique) and `_dirt`; at
            least one row, all of one calendar month.
        seed: of the company; it chooses the rows that come twice or displaced.
        landing: the landing zone.
        first: first export day.
        last: last export day.

    Returns:
        The file, and the dirt in it: kind, system, object, file, source_id, field, detail.
    """
    folder = landing / export.system / export.object
    path = folder / f"{export.object}_{day_date(first)}_{day_date(last)}.{export.format}"
    name = str(path.relative_to(landing))
    month = month_of(day_date(first))
    encoding = ENCODINGS.get((export.object, month), "utf-8")
    frame = _in_file_order(frame, export, seed)
    found = _dirt_rows(frame, export, name)
    if notes := _file_notes(export, day_date(first), encoding):
        lines = [(kind, export.system, export.object, name, None, *rest) for kind, *rest in notes]
        found = found.vstack(pl.DataFrame(lines, schema=_DIRT, orient="row"))
    rows = _as_then(frame.drop("_day", "_ts", "_key", "_dirt"), export.object, month)
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        _store(rows, path, export.format, encoding)
    landed = LandedFile(
        path, export.system, export.object, rows.height, day_date(first), day_date(last)
    )
    return landed, found


def _as_then(rows: pl.DataFrame, name: str, month: int) -> pl.DataFrame:
    """The columns as they were in a month: before the change without one, and with integers."""
    if month >= CHANGE_MONTH:
        return rows
    if name == "Lead":
        return rows.drop("Product_Interest__c")
    if name in {"Opportunity", "OpportunityHistory"}:
        return rows.with_columns(pl.col("Probability").cast(pl.Int64))
    return rows


def no_dirt() -> pl.DataFrame:
    """An empty list of dirt."""
    return pl.DataFrame(schema=_DIRT)


def _in_file_order(frame: pl.DataFrame, export: Export, seed: int) -> pl.DataFrame:
    """In the order of export days and moments, but some rows twice and some at the file's end.

    A record that arrived late stands among those of the day on which it arrived.
    """
    keys, moments, days = (frame[name].to_numpy() for name in ("_key", "_ts", "_day"))
    clean = (frame["_dirt"].fill_null("") == "").to_numpy()
    twice = clean & (chance(keys, seed, f"{export.object} twice") < RATES["exact_duplicate"])
    moved = np.zeros(len(keys), dtype=bool)
    if export.object in _SHUFFLED:
        moved = clean & ~twice
        moved &= chance(keys, seed, f"{export.object} moved") < RATES["out_of_order"]
        moved &= moments < moments[~moved].max(initial=0)
    rows = np.concatenate([np.arange(len(keys)), np.flatnonzero(twice)])
    twin = np.arange(len(rows)) >= len(keys)
    order = np.lexsort((twin, keys[rows], moments[rows], days[rows], moved[rows]))
    mark = np.where(twin, 2, moved[rows].astype(np.int64))[order]
    kinds = taken(_MARKS, mark - 1)
    return frame[rows[order]].with_columns(_dirt=pl.coalesce(kinds, "_dirt"))


def _dirt_rows(frame: pl.DataFrame, export: Export, file: str) -> pl.DataFrame:
    """The list of dirt that a frame's `_dirt` column holds."""
    dirty = frame.filter(pl.col("_dirt").fill_null("") != "")
    if dirty.is_empty():
        return no_dirt()
    rows = dirty.select(
        source_id=pl.col(export.key).cast(pl.String), line=pl.col("_dirt").str.split("\n")
    ).explode("line")
    parts = pl.col("line").str.splitn("|", 3).struct
    return rows.select(
        kind=parts.field("field_0"),
        system=pl.lit(export.system),
        object=pl.lit(export.object),
        file=pl.lit(file),
        source_id=pl.col("source_id"),
        field=parts.field("field_1"),
        detail=parts.field("field_2"),
    )


def _file_notes(export: Export, day: date, encoding: str) -> list[tuple[str, str, str]]:
    """Kind, field and detail of what is odd about a whole file: its encoding, or a new schema."""
    notes: list[tuple[str, str, str]] = []
    if encoding != "utf-8":
        notes.append(("mixed_encoding", "", encoding))
    if export.object in _SCHEMA_CHANGES and month_of(day) == CHANGE_MONTH and day.day == 1:
        notes.append(_SCHEMA_CHANGES[export.object])
    return notes


def _store(rows: pl.DataFrame, path: Path, kind: str, encoding: str) -> None:
    """Write to a temporary name beside the target and rename."""
    temporary = path.with_name(f".{path.name}.part")
    if kind == "parquet":
        rows.write_parquet(temporary, compression="snappy")
    elif kind == "jsonl":
        rows.write_ndjson(temporary)
    elif encoding == "utf-8":
        rows.write_csv(temporary)
    else:
        temporary.write_text(rows.write_csv(), encoding=encoding, newline="")
    temporary.rename(path)
