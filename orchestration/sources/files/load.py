"""Load the files that a `source.yml` describes into raw tables."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import duckdb

from orchestration.sources.catalog import (
    FILES_SYSTEM,
    MAPPED_SCHEMA,
    SourceTable,
    objects_of,
    systems,
)
from orchestration.sources.files.mapping import RawFile, create_views, raw_table
from orchestration.sources.files.spec import MappedFile, SourceSpec, SourceSpecError
from orchestration.sources.raw import LandedObject, Load, load
from orchestration.sources.readers import FORMATS, CsvOptions


def load_source(
    con: duckdb.DuckDBPyConnection, spec: SourceSpec, tables: list[SourceTable]
) -> list[Load]:
    """Append the files of a source to raw and, where it is mapped, show them as canonical objects.

    Args:
        con: a read-write connection to the build database, its declared tables created.
        spec: the checked `source.yml`.
        tables: the declared source tables.

    Returns:
        The loads that were made; known files add nothing.

    Raises:
        SourceSpecError: when the spec names a system, file, object or column that does not exist.
    """
    if spec.system is not None:
        return _load_vendor(con, spec, spec.system, tables)
    return _load_mapped(con, spec, tables)


def _load_vendor(
    con: duckdb.DuckDBPyConnection, spec: SourceSpec, system: str, tables: list[SourceTable]
) -> list[Load]:
    if system not in systems(tables) or system == FILES_SYSTEM:
        known = ", ".join(s for s in systems(tables) if s != FILES_SYSTEM)
        raise SourceSpecError(f"system: {system!r} is not known; there are {known}")
    objects = objects_of(system, tables)
    files: list[LandedObject] = []
    for path in sorted(p for p in spec.folder.rglob("*") if p.suffix.lower() in FORMATS):
        name = _object_of(path, spec.folder, objects)
        if name is None:
            raise SourceSpecError(
                f"{path}: no object of {system}. A file, or the folder it lies in, is named after "
                f"its object: {', '.join(sorted(objects))}"
            )
        source = path.relative_to(spec.folder).as_posix()
        files.append(LandedObject(system, name, path, source))
    if not files:
        raise SourceSpecError(f"folder: no file to load in {spec.folder}")
    return load(con, files, objects)


def _object_of(path: Path, folder: Path, objects: Iterable[str]) -> str | None:
    """The object that a file holds: its folder's name, or the longest that its own begins with."""
    parent = path.parent.name.lower() if path.parent != folder else ""
    stem = path.stem.lower()
    named = [o for o in objects if parent == o.lower() or stem == o.lower()]
    begun = [o for o in objects if stem.startswith((o.lower() + "_", o.lower() + "-"))]
    return max(named or begun, key=len, default=None)


def _load_mapped(
    con: duckdb.DuckDBPyConnection, spec: SourceSpec, tables: list[SourceTable]
) -> list[Load]:
    entries: dict[str, MappedFile] = {}
    for mapped in spec.objects.values():
        for entry in mapped:
            entries.setdefault(entry.file, entry)
    files: list[LandedObject] = []
    raw: dict[str, SourceTable] = {}
    for file, entry in entries.items():
        path = spec.folder / file
        if not path.is_file():
            raise SourceSpecError(f"objects: {file}: no such file in {spec.folder}")
        table = raw_table(file)
        if table.name in raw:
            raise SourceSpecError(f"objects: two files are named {table.name}; rename one")
        raw[table.name] = table
        csv = CsvOptions(entry.delimiter, entry.encoding)
        files.append(LandedObject(FILES_SYSTEM, table.name, path, file, csv))
    loads = load(con, files, raw)
    create_views(
        con,
        spec,
        {file: RawFile(raw_table(file), _columns(con, raw_table(file))) for file in entries},
        [table for table in tables if table.schema == MAPPED_SCHEMA],
    )
    return loads


def _columns(con: duckdb.DuckDBPyConnection, table: SourceTable) -> frozenset[str]:
    rows = con.execute(
        "select column_name from information_schema.columns "
        "where table_schema = ? and table_name = ?",
        [table.schema, table.name],
    ).fetchall()
    return frozenset(str(name).lower() for (name,) in rows)
