"""Writing the tables of schema ml, which models share or own."""

from __future__ import annotations

from datetime import date

import dagster as dg
import duckdb
import polars as pl

from ml_assets.registry import Evaluated


def ml_key(table: str) -> dg.AssetKey:
    """The asset of a table in schema ml."""
    return dg.AssetKey(["ml", table])


def registry_rows(con: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    """All rows of ml_model_registry."""
    return con.execute("select * from ml.ml_model_registry").pl()


def row_count(con: duckdb.DuckDBPyConnection, table: str) -> int:
    """Rows of a table in schema ml."""
    return int(con.execute(f"select count(*) from ml.{table}").fetchall()[0][0])


def replace_rows(
    con: duckdb.DuckDBPyConnection,
    table: str,
    rows: pl.DataFrame,
    where: str = "true",
    *values: object,
) -> None:
    """Put rows in the place of those that match a condition, in one transaction.

    Args:
        con: a read-write connection.
        table: the table, in schema `ml`.
        rows: what to insert, columns by name.
        where: which rows to replace, by default all.
        values: the condition's parameters.
    """
    con.register("new_rows", rows)
    con.begin()
    con.execute(f"delete from ml.{table} where {where}", list(values))
    con.execute(f"insert into ml.{table} by name select * from new_rows")
    con.commit()
    con.unregister("new_rows")


def note_training(
    con: duckdb.DuckDBPyConnection, model_name: str, as_of: date, version: str
) -> None:
    """Remember which version is the one of a day, for the steps that follow the training."""
    con.execute(
        "delete from ops.ops_training where model_name = ? and as_of_date = ?", [model_name, as_of]
    )
    con.execute("insert into ops.ops_training values (?, ?, ?)", [model_name, as_of, version])


def trained_version(con: duckdb.DuckDBPyConnection, model_name: str, as_of: date) -> str:
    """The version of a model that was trained for a day, or before it.

    Raises:
        ValueError: it was never trained.
    """
    found = con.execute(
        "select model_version from ops.ops_training where model_name = ? and as_of_date <= ? "
        "order by as_of_date desc limit 1",
        [model_name, as_of],
    ).fetchone()
    if found is None:
        raise ValueError(f"{model_name} was not trained yet: materialise models/{model_name} first")
    return str(found[0])


def replace_backtest(con: duckdb.DuckDBPyConnection, evaluated: Evaluated) -> None:
    """Put a version's rows into ml_backtest."""
    replace_rows(
        con, "ml_backtest", evaluated.backtest_rows, "model_version = ?", evaluated.version
    )
