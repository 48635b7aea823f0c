"""Append files to raw tables, each once, with a ledger of what was loaded.

Raw is what the source said: every value is kept as the text that stood in the file, nested JSON
as JSON text. Reading a file into columns lives in `readers`, not here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path

import duckdb

from orchestration.sources.catalog import AUDIT_COLUMNS, SourceTable, quoted
from orchestration.sources.readers import CsvOptions, opened

LEDGER = """
create schema if not exists ops;
create schema if not exists quarantine;
create table if not exists ops.ops_load (
    load_id bigint, source_system varchar, object_name varchar, source varchar,
    fingerprint varchar, rows_received bigint, rows_unreadable bigint, columns_added varchar,
    encoding varchar, loaded_at timestamp
);
create table if not exists quarantine.unreadable (
    source_system varchar, object_name varchar, _source varchar, _load_id bigint,
    line bigint, content varchar, reason varchar, gate varchar
);
"""


@dataclass(frozen=True)
class LandedObject:
    """A file to load: which object of which system it holds and how it is written."""

    system: str
    name: str
    path: Path
    source: str
    """The file's name as it is kept in `_source`: relative, with forward slashes."""
    csv: CsvOptions = field(default_factory=CsvOptions)


@dataclass(frozen=True)
class Load:
    """One line of the ledger: a file that was added to a raw table."""

    load_id: int
    system: str
    object_name: str
    source: str
    rows: int
    unreadable: int
    columns_added: tuple[str, ...]


def landed_objects(landing: Path, system: str, objects: Iterable[str]) -> list[LandedObject]:
    """The files below `landing/<system>/<object>/`, in the order of their names.

    Raises:
        ValueError: for a folder that is not a declared object of the system.
    """
    known = {name.lower(): name for name in objects}
    found: list[LandedObject] = []
    for folder in sorted(p for p in (landing / system).glob("*") if p.is_dir()):
        if folder.name.lower() not in known:
            raise ValueError(
                f"{folder}: {system} has no object {folder.name!r}. Known: "
                f"{', '.join(sorted(known.values()))}. A new object is declared in "
                f"transformations/models/staging/{system}/_sources.yml."
            )
        for path in sorted(p for p in folder.iterdir() if not p.name.startswith((".", "_"))):
            source = path.relative_to(landing).as_posix()
            found.append(LandedObject(system, known[folder.name.lower()], path, source))
    return found


def load(
    con: duckdb.DuckDBPyConnection,
    files: Iterable[LandedObject],
    tables: dict[str, SourceTable],
) -> list[Load]:
    """Append each file that the ledger does not know to its raw table.

    Args:
        con: a read-write connection to the build database.
        files: what to load; the files of one object are one transaction.
        tables: raw tables by object name.

    Returns:
        The loads that were made; a file with known content adds nothing and is not among them.

    Raises:
        UnreadableFileError: when a file cannot be read as what its name says.
    """
    con.execute(LEDGER)
    loads: list[Load] = []
    by_object = sorted(files, key=lambda file: file.name)
    for name, of_object in groupby(by_object, key=lambda file: file.name):
        con.begin()
        try:
            loads += _load_object(con, list(of_object), tables[name])
            con.commit()
        except BaseException:
            con.rollback()
            raise
    return loads


def _load_object(
    con: duckdb.DuckDBPyConnection, files: list[LandedObject], table: SourceTable
) -> list[Load]:
    known = {
        fingerprint
        for (fingerprint,) in con.execute(
            "select fingerprint from ops.ops_load where source_system = ? and object_name = ?",
            [files[0].system, files[0].name],
        ).fetchall()
    }
    columns = _columns_of(con, table)
    load_id = next_load_id(con)
    loads: list[Load] = []
    for file in files:
        fingerprint = _fingerprint(file.path)
        if fingerprint not in known:
            known.add(fingerprint)
            loads.append(_append(con, file, table, columns, load_id + len(loads), fingerprint))
    return loads


def _fingerprint(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _append(
    con: duckdb.DuckDBPyConnection,
    file: LandedObject,
    table: SourceTable,
    known_columns: set[str],
    load_id: int,
    fingerprint: str,
) -> Load:
    loaded_at = datetime.now(UTC).replace(tzinfo=None)
    with opened(con, file.path, file.csv) as content:
        added = _add_columns(con, table, content.columns, known_columns)
        selected = ", ".join(
            f"{expression} as {quoted(name)}" for name, expression in content.columns.items()
        )
        rows = con.execute(
            f"insert into {table.relation} by name "
            f"select {selected}, cast({load_id} as bigint) as _load_id, "
            "cast(? as timestamp) as _loaded_at, ? as _source, "
            f"row_number() over () as _row from {content.relation}",
            [loaded_at, file.source],
        ).fetchall()[0][0]
        unreadable = content.unreadable()
        for line in unreadable:
            con.execute(
                "insert into quarantine.unreadable values (?, ?, ?, ?, ?, ?, ?, 'read')",
                [file.system, file.name, file.source, load_id, line.number, line.text, line.reason],
            )
    load = Load(load_id, file.system, file.name, file.source, rows, len(unreadable), tuple(added))
    con.execute(
        "insert into ops.ops_load values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            load_id,
            file.system,
            file.name,
            file.source,
            fingerprint,
            rows,
            len(unreadable),
            ", ".join(added) or None,
            content.encoding,
            loaded_at,
        ],
    )
    return load


def next_load_id(con: duckdb.DuckDBPyConnection) -> int:
    """The load id after the last of the ledger; ascending ids are the load order."""
    row = con.execute("select coalesce(max(load_id), 0) + 1 from ops.ops_load").fetchone()
    assert row is not None
    return int(row[0])


def _columns_of(con: duckdb.DuckDBPyConnection, table: SourceTable) -> set[str]:
    """The columns of a raw table, in lower case; the table is made where it is missing."""
    spelled = ", ".join(f"{quoted(name)} {kind}" for name, kind in AUDIT_COLUMNS.items())
    con.execute(f"create schema if not exists {quoted(table.schema)}")
    con.execute(f"create table if not exists {table.relation} ({spelled})")
    described = con.execute(f"describe {table.relation}").fetchall()
    return {str(row[0]).lower() for row in described}


def _add_columns(
    con: duckdb.DuckDBPyConnection,
    table: SourceTable,
    columns: Iterable[str],
    known_columns: set[str],
) -> list[str]:
    """Widen the raw table by columns that the file has and it has not."""
    added = [name for name in columns if name.lower() not in known_columns]
    for name in added:
        con.execute(f"alter table {table.relation} add column {quoted(name)} varchar")
        known_columns.add(name.lower())
    return added
