"""The build database: opening it, giving it to one source, setting its clock."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import duckdb

from orchestration.settings import Settings
from orchestration.sources.catalog import create_tables, declared_tables
from orchestration.sources.files import read_spec
from orchestration.sources.raw import LEDGER

DEMO = "demo"

OPS = """
create table if not exists ops.ops_source (source_name varchar);
create table if not exists ops.ops_clock (as_of_date date, is_rebuilding boolean);
create table if not exists ops.ops_training (
    model_name varchar, as_of_date date, model_version varchar
);
"""


@contextmanager
def connected(database: Path) -> Generator[duckdb.DuckDBPyConnection, None, None]:
    """A read-write connection in UTC; nobody else may have the database open."""
    con = duckdb.connect(str(database))
    try:
        con.execute("set timezone = 'UTC'")
        con.execute("set enable_progress_bar = false")
        yield con
    finally:
        con.close()


def source_name(settings: Settings) -> str:
    """`demo`, or the name that the `source.yml` gives its company."""
    return DEMO if settings.source is None else read_spec(settings.source).name


def prepare(settings: Settings) -> None:
    """Make the build database ready to load this run's source.

    A database holds one company. One that holds another company is put aside under that company's
    name and comes back when its source does, so that nothing is mixed and nothing is lost.
    """
    settings.data.mkdir(parents=True, exist_ok=True)
    name = source_name(settings)
    held = held_source(settings.database)
    if held not in (None, name):
        settings.database.rename(_aside(settings, str(held)))
    if not settings.database.exists() and _aside(settings, name).exists():
        _aside(settings, name).rename(settings.database)
    with connected(settings.database) as con:
        con.execute(LEDGER)
        con.execute(OPS)
        create_tables(con, declared_tables(settings.transformations))
        con.execute("delete from ops.ops_source")
        con.execute("insert into ops.ops_source values (?)", [name])


def _aside(settings: Settings, name: str) -> Path:
    return settings.data / f"warehouse.{name}.duckdb"


def held_source(database: Path) -> str | None:
    """The name of the company whose data a build database holds, or none."""
    if not database.exists():
        return None
    with connected(database) as con:
        con.execute("create schema if not exists ops")
        con.execute(OPS)
        row = con.execute("select source_name from ops.ops_source").fetchone()
    return None if row is None else str(row[0])


def clock(con: duckdb.DuckDBPyConnection) -> date:
    """The day that the warehouse is built for.

    Raises:
        ValueError: when no run has set it yet.
    """
    row = con.execute("select as_of_date from ops.ops_clock").fetchone()
    if row is None:
        raise ValueError("ops.ops_clock is empty: the clock is set when the dbt models are built")
    return row[0]


def set_clock(con: duckdb.DuckDBPyConnection, settings: Settings) -> bool:
    """Set the one clock that models and features read.

    Returns:
        Whether the day lies before the day of the last build, so that what was built
        incrementally must be built anew.

    Raises:
        ValueError: when no day is asked for and the data hold none.
    """
    row = con.execute("select as_of_date, is_rebuilding from ops.ops_clock").fetchone()
    today = settings.as_of or last_day(con, settings)
    rebuild = row is not None and (row[1] or today < row[0])
    con.execute("delete from ops.ops_clock")
    con.execute("insert into ops.ops_clock values (?, ?)", [today, rebuild])
    return rebuild


def finish_rebuild(con: duckdb.DuckDBPyConnection) -> None:
    """Note that everything was built for the clock's day; until then a rebuild starts over."""
    con.execute("update ops.ops_clock set is_rebuilding = false")


def last_day(con: duckdb.DuckDBPyConnection, settings: Settings) -> date:
    """The last day in the data: the demo's own, or the day on which an export was made."""
    if settings.source is None:
        return settings.demo_end
    spec = read_spec(settings.source)
    if spec.exported_on is not None:
        return spec.exported_on
    found = con.execute(
        _LAST_DAY_MAPPED if spec.system is None else _last_day_raw(con, spec.system)
    )
    row = found.fetchone()
    if row is None or row[0] is None:
        raise ValueError(
            f"{settings.source}: no day found in the data; say `exported_on` there or give AS_OF"
        )
    return date.fromisoformat(str(row[0])[:10])


_LAST_DAY_MAPPED = "select max(exported_on) from mapped_files.opportunities"

# Columns in which vendors say when a record was last touched.
_MODIFIED = ("SystemModstamp", "LastModifiedDate", "CreatedDate", "updatedAt", "createdAt")


def _last_day_raw(con: duckdb.DuckDBPyConnection, system: str) -> str:
    columns = con.execute(
        "select table_name, column_name from information_schema.columns "
        f"where table_schema = ? and column_name in {_MODIFIED}",
        [f"raw_{system}"],
    ).fetchall()
    # A time after the load is a mistake in the data and must not move the clock.
    days = " union all ".join(
        f'select max(try_cast("{column}" as timestamptz)) as day from "raw_{system}"."{table}" '
        f'where try_cast("{column}" as timestamptz) <= _loaded_at'
        for table, column in columns
    )
    return f"select max(day) from ({days})"
