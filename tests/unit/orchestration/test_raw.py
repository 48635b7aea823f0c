import json
from collections.abc import Iterator
from pathlib import Path

import duckdb
import polars as pl
import pytest

from orchestration.sources.catalog import SourceTable, create_tables
from orchestration.sources.raw import Load, landed_objects, load
from orchestration.sources.readers import UnreadableFileError

TABLES = {"Account": SourceTable("raw_salesforce", "Account", {"Id": "VARCHAR", "Name": "VARCHAR"})}


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as con:
        con.execute("set timezone = 'UTC'")
        create_tables(con, list(TABLES.values()))
        yield con


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "salesforce" / "Account"
    folder.mkdir(parents=True)
    return folder


def load_all(con: duckdb.DuckDBPyConnection, folder: Path) -> list[Load]:
    return load(con, landed_objects(folder.parent.parent, "salesforce", TABLES), TABLES)


def accounts(con: duckdb.DuckDBPyConnection, columns: str = "Id, Name") -> list[tuple[str, ...]]:
    query = f"select {columns} from raw_salesforce.Account order by _load_id, _row"
    return con.execute(query).fetchall()


def test_the_same_content_is_loaded_once_whatever_its_name(
    con: duckdb.DuckDBPyConnection, folder: Path
) -> None:
    (folder / "a.csv").write_text("Id,Name\n1,Acme\n", encoding="utf-8")
    assert [one.rows for one in load_all(con, folder)] == [1]
    (folder / "b.csv").write_text("Id,Name\n1,Acme\n", encoding="utf-8")
    assert load_all(con, folder) == []
    assert accounts(con) == [("1", "Acme")]


def test_values_stay_the_text_that_stood_in_the_file(
    con: duckdb.DuckDBPyConnection, folder: Path
) -> None:
    (folder / "a.csv").write_text(
        'Id,Name,Amount\n007,"Line\nbreak, ""quoted""",1.50\n,,31/02/2026\n', encoding="utf-8"
    )
    load_all(con, folder)
    assert accounts(con, "Id, Name, Amount, _row") == [
        ("007", 'Line\nbreak, "quoted"', "1.50", 1),
        (None, None, "31/02/2026", 2),
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_encodings_are_recognised(
    con: duckdb.DuckDBPyConnection, folder: Path, encoding: str
) -> None:
    (folder / "a.csv").write_bytes("Id,Name\n1,Café Zoë\n".encode(encoding))
    load_all(con, folder)
    assert accounts(con) == [("1", "Café Zoë")]


def test_a_column_that_appears_later_is_added_and_named(
    con: duckdb.DuckDBPyConnection, folder: Path
) -> None:
    (folder / "a.csv").write_text("Id,Name\n1,Acme\n", encoding="utf-8")
    (folder / "b.csv").write_text("Id,Name,Tier__c\n2,Bolt,gold\n", encoding="utf-8")
    loads = load_all(con, folder)
    assert [one.columns_added for one in loads] == [(), ("Tier__c",)]
    assert accounts(con, "Id, Tier__c") == [("1", None), ("2", "gold")]


def test_a_line_that_is_no_record_is_kept_with_its_reason_and_the_rest_goes_on(
    con: duckdb.DuckDBPyConnection, folder: Path
) -> None:
    (folder / "a.csv").write_text("Id,Name\n1,Acme\n2,Bolt,extra\n3,Core\n", encoding="utf-8")
    (folder / "b.jsonl").write_text('{"Id": 4}\n{broken\n', encoding="utf-8")
    loads = load_all(con, folder)
    assert [(one.rows, one.unreadable) for one in loads] == [(2, 1), (1, 1)]
    refused = con.execute(
        "select _source, line, content from quarantine.unreadable order by _load_id"
    ).fetchall()
    assert refused == [
        ("salesforce/Account/a.csv", 3, "2,Bolt,extra"),
        ("salesforce/Account/b.jsonl", 2, "{broken"),
    ]


def test_nested_json_and_typed_parquet_become_text(
    con: duckdb.DuckDBPyConnection, folder: Path
) -> None:
    record = {"Id": 1, "Name": {"first": "Ada"}}
    (folder / "a.jsonl").write_text(json.dumps(record) + "\n", encoding="utf-8")
    frame = pl.DataFrame({"Id": [2], "Name": ["x"], "Amount": [1.25], "Tags": [["a", "b"]]})
    frame.write_parquet(folder / "b.parquet")
    load_all(con, folder)
    assert accounts(con, "Id, Name, Amount, Tags") == [
        ("1", '{"first":"Ada"}', None, None),
        ("2", "x", "1.25", '["a","b"]'),
    ]


def test_an_excel_sheet_is_read(con: duckdb.DuckDBPyConnection, folder: Path) -> None:
    pytest.importorskip("xlsxwriter")
    pl.DataFrame({"Id": ["1"], "Name": ["Acme"]}).write_excel(folder / "a.xlsx")
    load_all(con, folder)
    assert accounts(con) == [("1", "Acme")]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.parquet", b"not parquet", "not readable as parquet"),
        ("a.csv", b"", "the file is empty"),
        ("a.pdf", b"%PDF", "the ending '.pdf' is none of"),
        ("a.jsonl", b"\n", "holds no JSON object"),
        ("a.csv", b"Id,Name,id\n", "the column 'id' twice"),
        ("a.csv", b"Id,,Name\n", "a column without a name"),
    ],
)
def test_a_file_that_is_not_what_its_name_says_is_named(
    con: duckdb.DuckDBPyConnection, folder: Path, name: str, content: bytes, message: str
) -> None:
    (folder / name).write_bytes(content)
    with pytest.raises(UnreadableFileError, match=message) as error:
        load_all(con, folder)
    assert name in str(error.value)
    assert accounts(con) == []


def test_a_load_that_fails_leaves_nothing_behind(
    con: duckdb.DuckDBPyConnection, folder: Path
) -> None:
    (folder / "a.csv").write_text("Id,Name\n1,Acme\n", encoding="utf-8")
    (folder / "b.parquet").write_bytes(b"broken")
    with pytest.raises(UnreadableFileError):
        load_all(con, folder)
    assert con.execute("select count(*) from ops.ops_load").fetchall() == [(0,)]
    assert accounts(con) == []
    (folder / "b.parquet").unlink()
    assert [one.source for one in load_all(con, folder)] == ["salesforce/Account/a.csv"]


def test_an_unknown_object_folder_is_an_error_that_lists_the_known(
    con: duckdb.DuckDBPyConnection, folder: Path
) -> None:
    (folder.parent / "Acount").mkdir()
    with pytest.raises(ValueError, match=r"no object 'Acount'. Known: Account"):
        load_all(con, folder)


def test_a_table_of_predictions_gets_the_columns_that_were_declared_since() -> None:
    before = SourceTable("ml", "ml_score", {"deal": "VARCHAR", "chance": "DOUBLE"})
    after = SourceTable("ml", "ml_score", before.columns | {"levers": "VARCHAR"})
    with duckdb.connect() as con:
        create_tables(con, [before])
        con.execute("insert into ml.ml_score values ('d', 0.4)")
        create_tables(con, [after])
        create_tables(con, [after])
        assert con.execute("select * from ml.ml_score").fetchall() == [("d", 0.4, None)]
        assert [row[0] for row in con.execute("describe ml.ml_score").fetchall()] == [
            "deal",
            "chance",
            "levers",
        ]
