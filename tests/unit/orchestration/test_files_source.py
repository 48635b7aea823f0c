from collections.abc import Iterator
from datetime import date
from pathlib import Path
from textwrap import dedent

import duckdb
import pytest

from orchestration.settings import PROJECT_DIR
from orchestration.sources.catalog import create_tables, declared_tables
from orchestration.sources.files import SourceSpecError, load_source, read_spec
from orchestration.sources.raw import LEDGER

TABLES = declared_tables(PROJECT_DIR / "transformations")

SPEC = """
name: bolt_works
folder: exports
time_zone: Europe/Berlin
currency: EUR
objects:
  opportunities:
    file: deals.csv
    key: No
    columns:
      name: Deal
      source_stage: {column: Status, values: {won!: won}}
      amount: {column: Value, decimal: ","}
      created_at: {column: Created, format: "%d.%m.%Y %H:%M"}
      close_date: {column: Closed, format: "%d.%m.%Y"}
stages:
  open: Discovery
  won: Closed Won
"""
DEALS = """No;Deal;Status;Value;Created;Closed
1;First;won;1.234,50;01.02.2026 09:30;05.03.2026
2;Second;open;;28.02.2026 23:30;01.12.2026
3;Third;won!;10;yesterday;04.03.2026
"""


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as con:
        con.execute("set timezone = 'UTC'")
        con.execute(LEDGER)
        create_tables(con, TABLES)
        yield con


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "exports").mkdir()
    (tmp_path / "exports" / "deals.csv").write_text(DEALS, encoding="utf-8")
    return tmp_path


def write_spec(folder: Path, text: str = SPEC) -> Path:
    path = folder / "source.yml"
    path.write_text(dedent(text), encoding="utf-8")
    return path


def test_a_mapped_file_appears_under_canonical_names_and_raw_keeps_its_own(
    con: duckdb.DuckDBPyConnection, folder: Path
) -> None:
    load_source(con, read_spec(write_spec(folder)), TABLES)
    mapped = con.execute(
        "select source_system, source_id, source_stage, amount, created_at, "
        "cast(close_date as date), currency_code from mapped_files.opportunities order by _row"
    ).fetchall()
    # Berlin is an hour ahead of UTC in winter; what cannot be read stays for the gate to refuse.
    assert mapped == [
        ("bolt_works", "1", "won", "1234.50", "2026-02-01 08:30:00", date(2026, 3, 5), "EUR"),
        ("bolt_works", "2", "open", None, "2026-02-28 22:30:00", date(2026, 12, 1), "EUR"),
        ("bolt_works", "3", "won", "10", "yesterday", date(2026, 3, 4), "EUR"),
    ]
    raw = con.execute("select No, Status, Value from raw_files.deals order by _row").fetchall()
    assert raw == [("1", "won", "1.234,50"), ("2", "open", None), ("3", "won!", "10")]


def test_the_day_of_the_export_is_the_last_day_on_which_anything_happened(
    con: duckdb.DuckDBPyConnection, folder: Path
) -> None:
    load_source(con, read_spec(write_spec(folder)), TABLES)
    # The open deal's expected close in December has not happened.
    days = con.execute("select distinct exported_on from mapped_files.opportunities").fetchall()
    assert days == [("2026-03-05",)]


def test_repairs_are_counted(con: duckdb.DuckDBPyConnection, folder: Path) -> None:
    load_source(con, read_spec(write_spec(folder)), TABLES)
    assert con.execute("select * from ops.ops_repair").fetchall() == [
        ("bolt_works", "opportunities", "source_stage", "won!", "won", 1)
    ]


def test_stages_become_rows_with_the_canonical_pipelines_defaults(
    con: duckdb.DuckDBPyConnection, folder: Path
) -> None:
    load_source(con, read_spec(write_spec(folder)), TABLES)
    assert con.execute(
        "select source_stage, stage, stage_order, default_probability, is_open "
        "from mapped_files.stages order by _row"
    ).fetchall() == [
        ("open", "Discovery", "3", "0.2", "True"),
        ("won", "Closed Won", "7", "1.0", "False"),
    ]


def test_objects_that_the_source_does_not_have_stay_empty(
    con: duckdb.DuckDBPyConnection, folder: Path
) -> None:
    load_source(con, read_spec(write_spec(folder)), TABLES)
    assert con.execute("select count(*) from mapped_files.leads").fetchall() == [(0,)]


def test_a_file_that_feeds_an_object_twice_keeps_its_rows_apart(
    con: duckdb.DuckDBPyConnection, folder: Path
) -> None:
    text = """
    name: bolt_works
    folder: exports
    exported_on: 2026-03-31
    objects:
      products:
        - {file: deals.csv, key: No, columns: {name: Deal}}
        - {file: deals.csv, key: Deal, columns: {name: Status}}
    """
    load_source(con, read_spec(write_spec(folder, text)), TABLES)
    rows = con.execute("select count(*), count(distinct _row) from mapped_files.products")
    assert rows.fetchall() == [(6, 6)]


def test_a_vendors_export_in_its_own_shape_needs_no_mapping(
    con: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    exports = tmp_path / "exports"
    (exports / "Opportunity").mkdir(parents=True)
    (exports / "Opportunity" / "2026.csv").write_text("Id,Name\n1,a\n", encoding="utf-8")
    (exports / "OpportunityHistory_2026.csv").write_text("Id,OpportunityId\n2,1\n", "utf-8")
    (exports / "account.csv").write_text("Id,Name\n3,b\n", encoding="utf-8")
    text = "name: bolt_works\nfolder: exports\nsystem: salesforce\n"
    loads = load_source(con, read_spec(write_spec(tmp_path, text)), TABLES)
    assert [one.object_name for one in loads] == ["Account", "Opportunity", "OpportunityHistory"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("file: deals.csv", "file: deal.csv"), "deal.csv: no such file"),
        (("name: Deal", "name: Deals"), r"no column 'Deals': .*deal"),
        (("name: Deal", "nam: Deal"), "no canonical column 'nam'"),
        (("opportunities:", "oportunities:"), "oportunities: no canonical object"),
    ],
)
def test_a_mapping_that_does_not_fit_is_an_error_that_names_the_place(
    con: duckdb.DuckDBPyConnection, folder: Path, change: tuple[str, str], message: str
) -> None:
    spec = read_spec(write_spec(folder, SPEC.replace(*change)))
    with pytest.raises(SourceSpecError, match=message):
        load_source(con, spec, TABLES)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("currency: EUR", "currency: euro"), "currency"),
        (("Europe/Berlin", "Berlin"), "'Berlin' is no time zone"),
        (("folder: exports", "folder: nowhere"), "nowhere is no folder"),
        (("open: Discovery", "open: Discover"), "stages.open"),
        (("key: No", "kee: No"), "kee"),
        (("name: bolt_works", "name: Bolt Works"), "name"),
    ],
)
def test_a_wrong_field_is_an_error_that_names_it(
    folder: Path, change: tuple[str, str], message: str
) -> None:
    with pytest.raises(SourceSpecError, match=message):
        read_spec(write_spec(folder, SPEC.replace(*change)))


def test_the_shipped_fixture_is_valid() -> None:
    path = PROJECT_DIR / "tests" / "fixtures" / "maven_crm" / "source.yml"
    if not (path.parent / "../../../../shared/data/maven_crm").is_dir():
        pytest.skip("the public CRM export ../shared/data/maven_crm is not here")
    assert read_spec(path).exported_on in (None, date(2017, 12, 31))
