from pathlib import Path

import duckdb
import pytest

from orchestration.lib.publishing import publish


def build(path: Path, value: int) -> None:
    path.unlink(missing_ok=True)
    with duckdb.connect(str(path)) as con:
        for schema in ("core", "ml", "marts", "staging"):
            con.execute(f"create schema {schema}")
        con.execute(f"create table core.dim_date as select {value} as day")
        con.execute(f"create table marts.mart_win_rate as select {value} as rate from range(3)")
        con.execute("create view staging.stg_x as select 1 as x")


@pytest.fixture
def database(tmp_path: Path) -> Path:
    build(tmp_path / "warehouse.duckdb", 1)
    return tmp_path / "warehouse.duckdb"


def test_core_ml_and_marts_are_published_as_database_and_parquet(
    database: Path, tmp_path: Path
) -> None:
    tables = publish(database, tmp_path / "published")
    assert [(t.schema, t.name, t.rows) for t in tables] == [
        ("core", "dim_date", 1),
        ("marts", "mart_win_rate", 3),
    ]
    with duckdb.connect(str(tmp_path / "published/sales_marts.duckdb"), read_only=True) as con:
        assert con.execute("select rate from marts.mart_win_rate").fetchall() == [(1,)] * 3
    files = tmp_path / "published/parquet/marts/mart_win_rate/*.parquet"
    assert duckdb.sql(f"select sum(rate) from '{files}'").fetchall() == [(3,)]


def test_functions_that_give_tables_are_published(database: Path, tmp_path: Path) -> None:
    with duckdb.connect(str(database)) as con:
        con.execute(
            "create macro marts.rates_above(lowest) as table (select * from marts.mart_win_rate "
            "where rate > lowest), (lowest, highest) as table (with rates as (select * from "
            "marts.mart_win_rate) select rate from rates where rate between lowest and highest)"
        )
        con.execute("create macro staging.private() as table select 1")
    publish(database, tmp_path / "published")
    with duckdb.connect(str(tmp_path / "published/sales_marts.duckdb"), read_only=True) as con:
        assert con.execute("select * from marts.rates_above(0)").fetchall() == [(1,)] * 3
        assert con.execute("select * from marts.rates_above(2, 3)").fetchall() == []
        functions = con.execute(
            "select distinct function_name from duckdb_functions() "
            "where function_type = 'table_macro' and not internal"
        ).fetchall()
    assert functions == [("rates_above",)]


def test_a_reader_that_has_the_old_file_open_goes_on_reading_it(
    database: Path, tmp_path: Path
) -> None:
    published = tmp_path / "published"
    publish(database, published)
    query = "select max(rate) from marts.mart_win_rate"
    reader = duckdb.connect(str(published / "sales_marts.duckdb"), read_only=True)
    parquet = (published / "parquet/core/dim_date/dim_date.parquet").open("rb")
    build(database, 2)
    publish(database, published)
    assert reader.execute(query).fetchall() == [(1,)]
    reader.close()
    assert parquet.read(4) == b"PAR1"
    parquet.close()
    with duckdb.connect(str(published / "sales_marts.duckdb"), read_only=True) as con:
        assert con.execute(query).fetchall() == [(2,)]
    assert sorted(p.name for p in published.iterdir()) == [
        ".parquet.2",
        "parquet",
        "sales_marts.duckdb",
    ]


def test_a_publish_that_fails_leaves_the_old_one_in_place(database: Path, tmp_path: Path) -> None:
    published = tmp_path / "published"
    publish(database, published)
    with pytest.raises(duckdb.Error):
        publish(tmp_path / "absent.duckdb", published)
    with duckdb.connect(str(published / "sales_marts.duckdb"), read_only=True) as con:
        assert con.execute("select rate from marts.mart_win_rate").fetchall() == [(1,)] * 3
