"""Copy the finished layers to what readers open, and put them there in one move.

Readers never see a half-written file: the database and the Parquet folder are written under
another name and then take the place of the old ones. Whoever has the old ones open goes on
reading them.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import duckdb

from orchestration.sources.catalog import quoted

PUBLISHED_SCHEMAS = ("core", "ml", "marts")
DATABASE = "sales_marts.duckdb"


@dataclass(frozen=True)
class PublishedTable:
    """A table that readers can now query."""

    schema: str
    name: str
    rows: int


def publish(build_database: Path, published: Path) -> list[PublishedTable]:
    """Replace `sales_marts.duckdb` and the Parquet files by the state of the build database.

    Args:
        build_database: the file that the run wrote.
        published: the folder that readers know; made when missing.

    Returns:
        The published tables with their rows.
    """
    published.mkdir(parents=True, exist_ok=True)
    target = published / DATABASE
    fresh = published / f".{DATABASE}.next"
    parquet = published / ".parquet.next"
    for left_over in (fresh, fresh.with_name(fresh.name + ".wal"), parquet):
        _remove(left_over)
    con = duckdb.connect()
    try:
        con.execute("set enable_progress_bar = false")
        con.execute(f"attach {_literal(build_database)} as build (read_only)")
        con.execute(f"attach {_literal(fresh)} as fresh")
        tables = _tables(con)
        for schema in PUBLISHED_SCHEMAS:
            con.execute(f"create schema fresh.{schema}")
        for table in tables:
            relation = f"{quoted(table.schema)}.{quoted(table.name)}"
            con.execute(f"create table fresh.{relation} as from build.{relation}")
            file = parquet / table.schema / table.name / f"{table.name}.parquet"
            file.parent.mkdir(parents=True)
            con.execute(f"copy fresh.{relation} to {_literal(file)} (format parquet)")
        _copy_functions(con)
        con.execute("checkpoint fresh")
        con.execute("detach fresh")
    finally:
        con.close()
    fresh.replace(target)
    _swap_folder(parquet, published / "parquet")
    return tables


def _literal(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"


def _tables(con: duckdb.DuckDBPyConnection) -> list[PublishedTable]:
    found = con.execute(
        "select table_schema, table_name from information_schema.tables "
        f"where table_catalog = 'build' and table_schema in {PUBLISHED_SCHEMAS} order by 1, 2"
    ).fetchall()
    tables: list[PublishedTable] = []
    for schema, name in found:
        counted = con.execute(f"select count(*) from build.{quoted(schema)}.{quoted(name)}")
        tables.append(PublishedTable(schema, name, int(counted.fetchall()[0][0])))
    return tables


def _copy_functions(con: duckdb.DuckDBPyConnection) -> None:
    """Copy the functions that give tables: what readers ask with dates or names of their own."""
    overloads = con.execute(
        "select schema_name, function_name, parameters, macro_definition from duckdb_functions() "
        "where database_name = 'build' and function_type = 'table_macro' "
        f"and schema_name in {PUBLISHED_SCHEMAS} order by 1, 2, len(parameters)"
    ).fetchall()
    functions: dict[str, list[str]] = {}
    for schema, name, parameters, definition in overloads:
        arguments = ", ".join(quoted(parameter) for parameter in parameters)
        functions.setdefault(f"{quoted(schema)}.{quoted(name)}", []).append(
            f"({arguments}) as table ({definition})"
        )
    con.execute("use fresh")  # a function is read against the tables that it names
    for function, bodies in functions.items():
        con.execute(f"create macro {function} {', '.join(bodies)}")
    con.execute("use memory")


def _swap_folder(fresh: Path, target: Path) -> None:
    """Let a symbolic link point to the new folder: the one way to replace a folder at once."""
    if target.exists() and not target.is_symlink():
        raise FileExistsError(f"{target} is a folder of its own; move it away and run again")
    old = target.resolve() if target.is_symlink() else None
    number = int(old.name.rpartition(".")[2]) + 1 if old is not None else 1
    versioned = target.with_name(f".parquet.{number}")
    _remove(versioned)
    fresh.rename(versioned)
    link = target.with_name(".parquet.link")
    _remove(link)
    link.symlink_to(versioned.name, target_is_directory=True)
    link.replace(target)
    if old is not None:
        _remove(old)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
