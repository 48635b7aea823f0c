"""The tables that sources land in, as the dbt source declarations describe them.

The declarations in `transformations/models/staging/<system>/_sources.yml` are the one place that
says which objects and columns a system has. The tables are made from them before anything is
loaded, so that a system without data gives empty tables and not missing ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import yaml

AUDIT_COLUMNS = {
    "_load_id": "BIGINT",
    "_loaded_at": "TIMESTAMP",
    "_source": "VARCHAR",
    "_row": "BIGINT",
}
"""Added to every raw row: which load, when, from which file, at which position."""

QUARANTINE_COLUMNS = {
    "reason": "VARCHAR",
    "gate": "VARCHAR",
    "refused_at": "TIMESTAMP",
    "released_load_id": "BIGINT",
}

FILES_SCHEMA = "raw_files"
PREDICTIONS_SCHEMA = "ml"
MAPPED_SCHEMA = "mapped_files"
FILES_SYSTEM = "files"


@dataclass(frozen=True)
class SourceTable:
    """One declared table: its schema, its name and its columns with their types in order."""

    schema: str
    name: str
    columns: dict[str, str]

    @property
    def relation(self) -> str:
        return f"{quoted(self.schema)}.{quoted(self.name)}"


def quoted(identifier: str) -> str:
    """The identifier as DuckDB reads it letter for letter."""
    return '"' + identifier.replace('"', '""') + '"'


def declared_tables(transformations: Path) -> list[SourceTable]:
    """All source tables that the dbt project declares, in the order of their files.

    Args:
        transformations: the dbt project's folder.

    Raises:
        FileNotFoundError: when no declaration is found there.
    """
    paths = sorted((transformations / "models").rglob("_sources*.yml"))
    if not paths:
        raise FileNotFoundError(f"no _sources*.yml below {transformations / 'models'}")
    tables: list[SourceTable] = []
    for path in paths:
        document: dict[str, Any] = yaml.load(
            path.read_text(encoding="utf-8"),
            Loader=yaml.CSafeLoader,  # a tenth of the time
        )
        for source in document["sources"]:
            for table in source["tables"]:
                columns = {
                    str(column["name"]): str(column.get("data_type", "varchar")).upper()
                    for column in table.get("columns", [])
                }
                schema = source.get("schema", source["name"])
                tables.append(SourceTable(schema, table["name"], columns))
    return tables


def objects_of(system: str, tables: list[SourceTable]) -> dict[str, SourceTable]:
    """The raw tables of one system by the name of the object."""
    return {table.name: table for table in tables if table.schema == f"raw_{system}"}


def systems(tables: list[SourceTable]) -> list[str]:
    """The declared vendor systems, in the order of their declarations."""
    names = [
        table.schema.removeprefix("raw_") for table in tables if table.schema.startswith("raw_")
    ]
    return list(dict.fromkeys(names))


def create_tables(con: duckdb.DuckDBPyConnection, tables: list[SourceTable]) -> None:
    """Create every declared table that is not there yet, empty.

    A table of predictions that an earlier release made gets the columns that have been declared
    since; what it holds of earlier evenings says nothing about them. A mapped object starts as an
    empty view; the loader replaces it when a `source.yml` feeds it.
    """
    for schema in {table.schema for table in tables}:
        con.execute(f"create schema if not exists {quoted(schema)}")
    for table in tables:
        columns = dict(table.columns)
        if table.schema == MAPPED_SCHEMA:
            _create_empty_view(con, table)
            continue
        if table.schema.startswith("raw_"):
            columns |= AUDIT_COLUMNS
        if table.schema == "quarantine":
            columns = _refused_columns(table, tables) | AUDIT_COLUMNS | QUARANTINE_COLUMNS
        _create_table(con, table.relation, columns)
        if table.schema == PREDICTIONS_SCHEMA:
            _add_columns(con, table.relation, columns)


def _refused_columns(quarantine: SourceTable, tables: list[SourceTable]) -> dict[str, str]:
    system, _, name = quarantine.name.partition("__")
    schema = MAPPED_SCHEMA if system == FILES_SYSTEM else f"raw_{system}"
    for table in tables:
        if (table.schema, table.name) == (schema, name):
            return table.columns
    raise ValueError(f"quarantine.{quarantine.name} is declared, but not {schema}.{name}")


def _create_table(con: duckdb.DuckDBPyConnection, relation: str, columns: dict[str, str]) -> None:
    spelled = ", ".join(f"{quoted(name)} {kind}" for name, kind in columns.items())
    con.execute(f"create table if not exists {relation} ({spelled})")


def _add_columns(con: duckdb.DuckDBPyConnection, relation: str, columns: dict[str, str]) -> None:
    there = {str(row[0]) for row in con.execute(f"describe {relation}").fetchall()}
    for name, kind in columns.items():
        if name not in there:
            con.execute(f"alter table {relation} add column {quoted(name)} {kind}")


def _create_empty_view(con: duckdb.DuckDBPyConnection, table: SourceTable) -> None:
    columns = table.columns | AUDIT_COLUMNS
    spelled = ", ".join(f"cast(null as {kind}) as {quoted(name)}" for name, kind in columns.items())
    con.execute(f"create view if not exists {table.relation} as select {spelled} where false")
