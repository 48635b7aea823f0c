"""Runs the SQL files beside this module on a warehouse connection."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from functools import cache
from pathlib import Path

import polars as pl
from duckdb import DuckDBPyConnection

REQUESTED_SNAPSHOT = "requested_snapshot"


@cache
def query_text(name: str) -> str:
    """The text of `sql/<name>.sql`."""
    return (Path(__file__).parent / "sql" / f"{name}.sql").read_text(encoding="utf-8")


def run_query(
    con: DuckDBPyConnection,
    name: str,
    inputs: Mapping[str, pl.DataFrame],
    parameters: Mapping[str, date | datetime] | None = None,
) -> pl.DataFrame:
    """Run one SQL file with frames as its input tables.

    Args:
        con: connection on the warehouse; nothing is left behind on it.
        name: file name under `sql/`, without suffix.
        inputs: table name in the query → frame.
        parameters: `$name` in the query → value.
    """
    for table, frame in inputs.items():
        con.register(table, frame)
    try:
        return con.execute(query_text(name), dict(parameters or {})).pl()
    finally:
        for table in inputs:
            con.unregister(table)


def has_table(con: DuckDBPyConnection, schema: str, table: str) -> bool:
    """Whether the warehouse holds a table or view of that name."""
    found = con.execute(
        "select count(*) from information_schema.tables"
        " where table_schema = $schema and table_name = $table",
        {"schema": schema, "table": table},
    ).fetchone()
    return found is not None and found[0] > 0
