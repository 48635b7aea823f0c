"""The demo company's first night: what is published is what the files and the simulator say."""

import re
from pathlib import Path

import dagster as dg
import duckdb
import pytest

from tests.integration.conftest import LAST_DAY, PROJECT, Warehouse


@pytest.fixture(scope="module")
def files(evening: Warehouse) -> duckdb.DuckDBPyConnection:
    """Plain SQL over the exports: `deals` holds the last sound version of every opportunity."""
    con = duckdb.connect()
    landing = evening.data / "landing" / "salesforce"
    con.execute(
        "create view versions as select *, try_cast(CloseDate as date) as close_date "
        f"from read_parquet('{landing}/Opportunity/*.parquet', union_by_name = true)"
    )
    con.execute(
        "create view deals as select * from versions where coalesce(Amount, 0) >= 0 "
        "and StageName <> 'Verbal Commit' and close_date is not null "
        "and CurrencyIsoCode in ('USD', 'EUR', 'GBP', 'JPY', 'AUD') "
        "qualify row_number() over "
        "(partition by Id order by cast(SystemModstamp as timestamptz) desc) = 1"
    )
    con.execute(
        "create view rates as select distinct IsoCode, StartDate, NextStartDate, ConversionRate "
        f"from read_csv('{landing}/DatedConversionRate/*.csv')"
    )
    return con


def test_deals_by_outcome_equal_plain_sql_over_the_files(
    evening: Warehouse, files: duckdb.DuckDBPyConnection
) -> None:
    plain = files.execute(
        "select count(*), count(*) filter (StageName = 'Closed Won' and not IsDeleted), "
        "count(*) filter (StageName = 'Closed Lost' and not IsDeleted), "
        "count(*) filter (StageName not like 'Closed%' and not IsDeleted) from deals"
    ).fetchall()
    assert plain == evening.query(
        "select count(*), count(*) filter (is_won), count(*) filter (is_lost), "
        "count(*) filter (is_open) from core.fct_opportunity"
    )


def test_bookings_by_quarter_equal_plain_sql_over_the_files(
    evening: Warehouse, files: duckdb.DuckDBPyConnection
) -> None:
    plain = files.execute(
        "select date_trunc('quarter', close_date)::date, sum(Amount / ConversionRate) from deals "
        "join rates on IsoCode = CurrencyIsoCode "
        "and close_date >= StartDate and close_date < NextStartDate "
        "where StageName = 'Closed Won' and not IsDeleted group by 1 order by 1"
    ).fetchall()
    published = evening.query(
        "select period_start, value from marts.mart_exec_kpi where kpi = 'bookings' "
        "and period_type = 'quarter' and segment_type = 'company' and value > 0 order by 1"
    )
    assert [day for day, _ in published] == [day for day, _ in plain]
    for (_, mart), (_, raw) in zip(published, plain, strict=True):
        assert float(mart) == pytest.approx(raw, abs=0.05)  # each deal is rounded to cents


def test_open_pipeline_equals_plain_sql_over_the_files(
    evening: Warehouse, files: duckdb.DuckDBPyConnection
) -> None:
    [(deals, amount)] = files.execute(
        "select count(*), sum(Amount / ConversionRate) from deals join rates "
        f"on IsoCode = CurrencyIsoCode and date '{LAST_DAY}' >= StartDate "
        f"and date '{LAST_DAY}' < NextStartDate "
        "where StageName not like 'Closed%' and not IsDeleted"
    ).fetchall()
    [(count, total)] = evening.query(
        "select sum(opportunity_count), sum(amount) from marts.mart_pipeline_daily "
        "where date_day = as_of_date"
    )
    assert count == deals
    assert float(total) == pytest.approx(amount, abs=0.05)


def test_outcomes_are_those_that_the_simulator_knows(evening: Warehouse) -> None:
    truth = evening.data / "truth" / "opportunities.parquet"
    with duckdb.connect() as con:
        known = con.execute(
            f"select opportunity_id, outcome from '{truth}' where not is_open_at_end"
        ).fetchall()
        dirty = con.execute(
            f"select distinct source_id from '{evening.data / 'truth' / 'dirt.parquet'}' "
            "where object in ('Opportunity', 'OpportunityHistory')"
        ).fetchall()
    published = dict(
        evening.query(
            "select source_id, case when is_won then 'won' when is_lost then 'lost' end "
            "from core.fct_opportunity"
        )
    )
    excused = {source_id for (source_id,) in dirty}
    judged = [(one, outcome) for one, outcome in known if one not in excused]
    assert len(judged) > 200
    assert [(one, published.get(one)) for one, _ in judged] == judged


def test_every_refused_opportunity_is_listed_dirt_and_no_other_row_is_refused(
    evening: Warehouse,
) -> None:
    refused = evening.inside(
        'select "Id", SystemModstamp from quarantine."salesforce__Opportunity" '
        "where released_load_id is null"
    )
    with duckdb.connect() as con:
        listed = con.execute(
            f"select kind, source_id from '{evening.data / 'truth' / 'dirt.parquet'}' where kind "
            "in ('negative_amount', 'unknown_stage', 'unknown_currency', 'malformed_date') "
            "and object = 'Opportunity'"
        ).fetchall()
    assert {one for one, _ in refused} == {source_id for _, source_id in listed}


def test_rows_received_are_accepted_or_refused(evening: Warehouse) -> None:
    assert evening.inside(
        "select count(*) from ops.ops_judged where rows_received <> rows_accepted + rows_refused"
    ) == [(0,)]
    [(received,)] = evening.inside("select sum(rows_received) from ops.ops_load")
    tables = evening.inside(
        "select schema_name || '.' || table_name from duckdb_tables() "
        "where schema_name like 'raw_%'"
    )
    raw = sum(evening.inside(f"select count(*) from {table}")[0][0] for (table,) in tables)
    assert raw == received


def test_the_summary_counts_tables_gates_and_quarantine(evening: Warehouse) -> None:
    printed = (evening.data / "printed.txt").read_text()
    for expected in (
        "mart_exec_kpi",
        "G4",
        "salesforce.Opportunity: Amount is negative",
        "Opportunity score",
        "Published in",
    ):
        assert expected in printed


def test_the_catalogue_knows_rows_columns_lineage_and_checks_of_a_mart(
    evening: Warehouse,
) -> None:
    key = dg.AssetKey(["marts", "mart_win_rate"])
    with dg.DagsterInstance.from_config(str(evening.data / "dagster")) as instance:
        event = instance.get_latest_materialization_event(key)
        summary = instance.event_log_storage.get_asset_check_summary_records
        checks = summary([dg.AssetCheckKey(key, "g4")])
    assert event is not None and event.asset_materialization is not None
    metadata = event.asset_materialization.metadata
    assert [(metadata["dagster/row_count"].value,)] == evening.query(
        "select count(*) from marts.mart_win_rate"
    )
    lineage = metadata["dagster/column_lineage"].value.deps_by_column
    assert (
        dg.TableColumnDep(dg.AssetKey(["core", "fct_opportunity"]), "is_won") in lineage["win_rate"]
    )
    assert "numerator" in [
        column.name for column in metadata["dagster/column_schema"].value.columns
    ]
    assert list(checks)


def test_the_queries_in_the_documents_work(evening: Warehouse) -> None:
    pages = [PROJECT / "README.md", *(PROJECT / "docs").rglob("*.md")]
    blocks = [
        block
        for page in pages
        for block in re.findall(r"```sql\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    ]
    assert len(blocks) >= 4
    for block in blocks:
        evening.inside(block)


def test_hand_worked_unit_tests_of_the_models_hold(evening: Warehouse, tmp_path: Path) -> None:
    printed = evening.dbt(tmp_path, "test", "--select", "test_type:unit")
    assert " PASS=" in printed and "PASS=0 " not in printed
