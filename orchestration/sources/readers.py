"""Open an export in CSV, Parquet, JSON lines or Excel as text columns.

What is read and in which encoding; where it goes is not decided here.
"""

from __future__ import annotations

import codecs
import tempfile
from collections.abc import Callable, Generator
from contextlib import contextmanager
from csv import reader as csv_reader
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from orchestration.sources.catalog import quoted


class UnreadableFileError(ValueError):
    """A file is not what its name says; the message names the file and the fix."""


@dataclass(frozen=True)
class CsvOptions:
    """How a CSV file is written, where it cannot be seen from the file itself."""

    delimiter: str | None = None
    encoding: str | None = None


@dataclass(frozen=True)
class UnreadableLine:
    """A line of a file that is no record: its number from 1, its text and what is wrong."""

    number: int
    text: str
    reason: str


@dataclass(frozen=True)
class Content:
    """A file as DuckDB can select from it.

    `columns` maps each column's name to the SQL expression that gives its text; `unreadable`
    gives the lines that are no records, once the relation has been read.
    """

    relation: str
    columns: dict[str, str]
    encoding: str | None = None
    unreadable: Callable[[], list[UnreadableLine]] = list


FORMATS = {
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".parquet": "parquet",
    ".jsonl": "json",
    ".ndjson": "json",
    ".json": "json",
    ".xlsx": "excel",
    ".xls": "excel",
}


@contextmanager
def opened(
    con: duckdb.DuckDBPyConnection, path: Path, csv: CsvOptions
) -> Generator[Content, None, None]:
    """Open a file as text columns, for as long as the context lasts.

    Args:
        con: the connection that will select from it.
        path: the file; its ending names the format.
        csv: delimiter and encoding, for CSV files that need them said.

    Raises:
        UnreadableFileError: when the ending is unknown or the content is of another kind.
    """
    kind = FORMATS.get(path.suffix.lower())
    if kind is None:
        raise UnreadableFileError(
            f"{path}: the ending {path.suffix!r} is none of {', '.join(sorted(FORMATS))}"
        )
    with tempfile.TemporaryDirectory() as scratch:
        try:
            if kind == "csv":
                content = _csv(con, path, csv, Path(scratch))
            elif kind == "parquet":
                content = _parquet(con, path)
            elif kind == "json":
                content = _json_lines(con, path, Path(scratch))
            else:
                content = _excel(con, path, Path(scratch))
            yield content
        except (duckdb.Error, pl.exceptions.PolarsError) as error:
            first = str(error).strip().splitlines()[0][:300]
            raise UnreadableFileError(f"{path}: not readable as {kind}: {first}") from error


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _column_types(con: duckdb.DuckDBPyConnection, relation: str) -> dict[str, str]:
    described = con.execute(f"describe select * from {relation}").fetchall()
    return {str(row[0]): str(row[1]) for row in described}


def detected_encoding(path: Path) -> str:
    """`utf-8`, `utf-16` (by its mark) or, for bytes that are no UTF-8, `cp1252`."""
    with path.open("rb") as file:
        mark = file.read(4)
        if mark.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            return "utf-16"
        file.seek(0)
        decoder = codecs.getincrementaldecoder("utf-8")()
        try:
            while block := file.read(1 << 20):
                decoder.decode(block)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return "cp1252"
    return "utf-8"


def _as_utf8(path: Path, encoding: str, scratch: Path) -> Path:
    if encoding == "utf-8":
        return path
    copy = scratch / path.name
    try:
        with (
            path.open(encoding=encoding, newline="") as source,
            copy.open("w", encoding="utf-8", newline="") as target,
        ):
            while block := source.read(1 << 20):
                target.write(block)
    except (UnicodeError, LookupError) as error:
        raise UnreadableFileError(
            f"{path}: not readable as {encoding}: {error}. Say the encoding in source.yml."
        ) from error
    return copy


def _csv(con: duckdb.DuckDBPyConnection, path: Path, csv: CsvOptions, scratch: Path) -> Content:
    encoding = csv.encoding or detected_encoding(path)
    readable = _as_utf8(path, encoding, scratch)
    if readable.stat().st_size == 0:
        raise UnreadableFileError(f"{path}: the file is empty; a header line is expected")
    delimiter, names = _header(path, readable, csv.delimiter)
    # Said and not guessed: the guesses cost more than the reading and can be wrong.
    spelled = ", ".join(f"{_literal(name)}: 'VARCHAR'" for name in names)
    relation = (
        f"read_csv({_literal(str(readable))}, columns = {{{spelled}}}, header = true, "
        f"delim = {_literal(delimiter)}, quote = '\"', escape = '\"', auto_detect = false, "
        "max_line_size = 16777216, store_rejects = true, rejects_limit = 0)"
    )
    return Content(
        relation, {name: quoted(name) for name in names}, encoding, lambda: _rejected(con)
    )


def _header(path: Path, readable: Path, delimiter: str | None) -> tuple[str, list[str]]:
    """The delimiter (the one of `,;|` and tab that the header has most of) and the column names."""
    with readable.open(encoding="utf-8-sig", newline="") as file:
        if delimiter is None:
            first = file.readline()
            delimiter = max(",;\t|", key=first.count)
            file.seek(0)
        names = [name.strip() for name in next(csv_reader(file, delimiter=delimiter))]
    folded = [name.lower() for name in names]
    for name in folded:
        if not name or folded.count(name) > 1:
            wrong = f"the column {name!r} twice" if name else "a column without a name"
            raise UnreadableFileError(f"{path}: the header line has {wrong}; mend it")
    return delimiter, names


def _rejected(con: duckdb.DuckDBPyConnection) -> list[UnreadableLine]:
    """The lines that the last scan of a CSV file set aside; forgets them."""
    rejected = con.execute(
        "select line, any_value(csv_line), any_value(error_message) "
        "from reject_errors group by line order by line"
    ).fetchall()
    con.execute("drop table if exists reject_errors; drop table if exists reject_scans")
    return [UnreadableLine(int(line), text, _first_line(why)) for line, text, why in rejected]


def _first_line(text: str) -> str:
    return text.strip().splitlines()[0][:200]


def _parquet(con: duckdb.DuckDBPyConnection, path: Path) -> Content:
    relation = f"read_parquet({_literal(str(path))})"
    columns = {
        name: _text(quoted(name), kind) for name, kind in _column_types(con, relation).items()
    }
    return Content(relation, columns)


def _text(expression: str, kind: str) -> str:
    if kind.startswith(("STRUCT", "MAP")) or kind.endswith("[]"):
        return f"cast(to_json({expression}) as varchar)"
    return f"cast({expression} as varchar)"


def _json_lines(con: duckdb.DuckDBPyConnection, path: Path, scratch: Path) -> Content:
    lines = (
        f"read_csv({_literal(str(path))}, columns = {{'line': 'VARCHAR'}}, header = false, "
        "delim = '\x01', quote = '', escape = '', auto_detect = false, max_line_size = 16777216)"
    )
    readable = path
    invalid = con.execute(
        f"select n, line from (select line, row_number() over () as n from {lines}) "
        "where not json_valid(line) or json_type(line) <> 'OBJECT' order by n"
    ).fetchall()
    unreadable = [UnreadableLine(int(n), text, "the line is no JSON object") for n, text in invalid]
    if unreadable:
        readable = scratch / "valid.jsonl"
        bad = {line.number for line in unreadable}
        with (
            path.open(encoding="utf-8") as source,
            readable.open("w", encoding="utf-8") as target,
        ):
            target.writelines(text for n, text in enumerate(source, 1) if n not in bad)
    file = _literal(str(readable))
    keys: list[Any] = con.execute(
        f"select distinct unnest(json_keys(json)) from read_ndjson_objects({file}) order by 1"
    ).fetchall()
    if not keys:
        raise UnreadableFileError(f"{path}: the file holds no JSON object")
    spelled = ", ".join(f"{_literal(key)}: 'VARCHAR'" for (key,) in keys)
    relation = f"read_json({file}, format = 'newline_delimited', columns = {{{spelled}}})"
    return Content(relation, {key: quoted(key) for (key,) in keys}, "utf-8", lambda: unreadable)


def _excel(con: duckdb.DuckDBPyConnection, path: Path, scratch: Path) -> Content:
    copy = scratch / "sheet.parquet"
    pl.read_excel(path, infer_schema_length=None).write_parquet(copy)
    return _parquet(con, copy)
