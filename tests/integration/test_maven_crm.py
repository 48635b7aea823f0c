"""Somebody else's CRM export, from four CSV files to published marts."""

from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from tests.integration.conftest import PROJECT, Warehouse

EXPORT = PROJECT.parent / "shared" / "data" / "maven_crm"
SOURCE = PROJECT / "tests" / "fixtures" / "maven_crm" / "source.yml"

pytestmark = pytest.mark.skipif(
    not EXPORT.is_dir(), reason="the public CRM export ../shared/data/maven_crm is not here"
)


@pytest.fixture(scope="module")
def warehouse(made_once: Callable[..., Path]) -> Warehouse:
    """One run on the export."""

    def fill(data: Path) -> None:
        (data / "printed.txt").write_text(Warehouse(data).run("--source", str(SOURCE)))

    return Warehouse(made_once("maven", fill))


def over_the_files(sql: str) -> list[tuple[object, ...]]:
    """Plain SQL over the export itself."""
    with duckdb.connect() as con:
        for path in Path(EXPORT).glob("*.csv"):
            con.execute(f"create view {path.stem} as from read_csv('{path}', header = true)")
        return con.execute(sql).fetchall()


def test_the_known_truths_are_in_the_published_facts(warehouse: Warehouse) -> None:
    assert warehouse.query(
        "select count(*) filter (is_won), count(*) filter (is_lost), count(*) filter (is_open), "
        "sum(amount) filter (is_won) from core.fct_opportunity"
    ) == [(4238, 2473, 2089, 10005534)]


def test_the_marts_agree_with_them(warehouse: Warehouse) -> None:
    assert warehouse.query(
        "select sum(numerator), sum(denominator) from marts.mart_win_rate "
        "where basis = 'closed_count' and period_type = 'quarter' and segment_type = 'company'"
    ) == [(4238, 6711)]
    assert warehouse.query(
        "select sum(opportunity_count) from marts.mart_pipeline_daily where date_day = as_of_date"
    ) == [(2089,)]
    assert warehouse.query("select count(*) from marts.mart_deal_inspection") == [(2089,)]


def test_win_rate_by_quarter_equals_plain_sql_over_the_files(warehouse: Warehouse) -> None:
    mart = warehouse.query(
        "select cast(period_start as varchar), numerator, denominator from marts.mart_win_rate "
        "where basis = 'closed_count' and period_type = 'quarter' and segment_type = 'company' "
        "and denominator > 0 order by 1"
    )
    files = over_the_files(
        "select cast(cast(date_trunc('quarter', close_date) as date) as varchar), "
        "count(*) filter (deal_stage = 'Won'), count(*) from sales_pipeline "
        "where deal_stage in ('Won', 'Lost') group by 1 order by 1"
    )
    assert [(a, int(b), int(c)) for a, b, c in mart] == files


@pytest.mark.parametrize(
    ("segment_type", "of_the_files"),
    [
        ("owner", "p.sales_agent"),
        ("product", "case p.product when 'GTXPro' then 'GTX Pro' else p.product end"),
        (
            "industry",
            "coalesce(case a.sector when 'technolgy' then 'technology' else a.sector end, "
            "'Unknown')",
        ),
    ],
)
def test_win_rate_by_agent_product_and_sector_equals_plain_sql_over_the_files(
    warehouse: Warehouse, segment_type: str, of_the_files: str
) -> None:
    mart = warehouse.query(
        "select lower(segment), cast(period_start as varchar), numerator, denominator "
        "from marts.mart_win_rate where basis = 'closed_count' and period_type = 'quarter' "
        f"and segment_type = '{segment_type}' and denominator > 0 order by 1, 2"
    )
    files = over_the_files(
        f"select lower({of_the_files}), "
        "cast(cast(date_trunc('quarter', close_date) as date) as varchar), "
        "count(*) filter (deal_stage = 'Won'), count(*) from sales_pipeline as p "
        "left join accounts as a on a.account = p.account "
        "where deal_stage in ('Won', 'Lost') group by 1, 2 order by 1, 2"
    )
    assert [(a, b, int(c), int(d)) for a, b, c, d in mart] == files


def test_sales_velocity_by_quarter_equals_plain_sql_over_the_files(warehouse: Warehouse) -> None:
    mart = warehouse.query(
        "select cast(period_start as varchar), won_count, won_amount, median_cycle_days, "
        "median_lost_cycle_days, mean_cycle_days, velocity_per_day from marts.mart_sales_velocity "
        "where period_type = 'quarter' and segment_type = 'company' and opportunity_count > 0 "
        "order by 1"
    )
    files = over_the_files(
        "with deals as (select *, close_date - engage_date as days from sales_pipeline "
        "where deal_stage in ('Won', 'Lost')) "
        "select cast(cast(date_trunc('quarter', close_date) as date) as varchar), "
        "count(*) filter (deal_stage = 'Won'), "
        "sum(close_value) filter (deal_stage = 'Won'), "
        "median(days) filter (deal_stage = 'Won'), median(days) filter (deal_stage = 'Lost'), "
        "avg(days) filter (deal_stage = 'Won'), "
        "sum(close_value) filter (deal_stage = 'Won') / avg(days) filter (deal_stage = 'Won') "
        "from deals group by 1 order by 1"
    )
    assert [row[0] for row in mart] == [row[0] for row in files]
    for shown, plain in zip(mart, files, strict=True):
        assert [float(value) for value in shown[1:]] == pytest.approx(
            [float(str(value)) for value in plain[1:]], abs=0.051
        )


def test_won_value_by_agent_equals_plain_sql_over_the_files(warehouse: Warehouse) -> None:
    facts = warehouse.query(
        "select u.name, sum(o.amount) from core.fct_opportunity as o "
        "join core.dim_user as u on u.user_id = o.owner_user_id and u.is_current "
        "where o.is_won group by 1 order by 1"
    )
    files = over_the_files(
        "select sales_agent, sum(close_value) from sales_pipeline "
        "where deal_stage = 'Won' group by 1 order by 1"
    )
    assert facts == files


def test_what_managers_teams_had_closed_at_the_quarter_ends_equals_plain_sql_over_the_files(
    warehouse: Warehouse,
) -> None:
    mart = warehouse.query(
        "select node_name, cast(period_start as varchar), opportunity_count, amount "
        "from marts.mart_forecast_rollup where node_type = 'manager' and hierarchy = 'stamped' "
        "and category = 'closed' and snapshot_date = period_end and opportunity_count > 0 "
        "order by 1, 2"
    )
    files = over_the_files(
        "select manager, cast(cast(date_trunc('quarter', close_date) as date) as varchar), "
        "count(*), sum(close_value) from sales_pipeline join sales_teams using (sales_agent) "
        "where deal_stage = 'Won' group by 1, 2 order by 1, 2"
    )
    assert mart == files


def test_median_sales_cycle_equals_plain_sql_over_the_files(warehouse: Warehouse) -> None:
    assert warehouse.query(
        "select median(days_to_close) from core.fct_opportunity where is_won"
    ) == over_the_files(
        "select median(close_date - engage_date) from sales_pipeline where deal_stage = 'Won'"
    )


def test_the_dirt_ends_as_it_should(warehouse: Warehouse) -> None:
    # Without account: kept. Misspelt product: repaired and counted. Open without amount: kept.
    assert warehouse.query(
        "select count(*) filter (account_id is null), count(*) filter (is_open and amount is null) "
        "from core.fct_opportunity"
    ) == over_the_files(
        "select count(*) filter (account is null), "
        "count(*) filter (deal_stage not in ('Won', 'Lost') and close_value is null) "
        "from sales_pipeline"
    )
    repaired = warehouse.inside(
        "select source_value, rows_repaired from ops.ops_repair order by source_value"
    )
    assert dict(repaired)["GTXPro"] == 1480
    assert dict(repaired)["technolgy"] == 12
    assert warehouse.query("select count(*) from core.dim_product where name = 'GTXPro'") == [(0,)]


def test_rows_received_are_staged_refused_or_superseded(warehouse: Warehouse) -> None:
    [(received,)] = warehouse.inside("select sum(rows_received) from ops.ops_load")
    [(rows,)] = over_the_files(
        "select (select count(*) from accounts) + (select count(*) from products) "
        "+ (select count(*) from sales_teams) + (select count(*) from sales_pipeline)"
    )
    assert received == rows
    assert warehouse.inside("select count(*) from intermediate.int_crm__opportunities") == [(8800,)]


def test_a_model_without_signal_is_not_promoted_and_the_scores_say_so(
    warehouse: Warehouse,
) -> None:
    registry = warehouse.query("select is_champion from ml.ml_model_registry")
    assert not any(champion for (champion,) in registry)
    scores = warehouse.query(
        "select distinct data_sufficiency, win_probability from ml.ml_opportunity_score"
    )
    assert len(scores) == 1
    sufficiency, probability = scores[0]
    assert "base rate" in sufficiency
    assert probability == pytest.approx(4238 / 6711, abs=0.02)


def test_a_company_without_leads_has_an_empty_lead_score_and_is_told_why(
    warehouse: Warehouse,
) -> None:
    assert warehouse.query("select count(*) from ml.ml_lead_score") == [(0,)]
    [(reason,)] = warehouse.query(
        "select promotion_reason from ml.ml_model_registry where model_name = 'lead_score'"
    )
    assert "0 converted and 0 other leads" in reason


def test_marts_without_data_are_empty_and_not_missing(warehouse: Warehouse) -> None:
    for table in ("core.fct_quota", "core.fct_activity", "core.fct_touchpoint"):
        assert warehouse.query(f"select count(*) from {table}") == [(0,)]


def test_bookings_are_credited_without_quotas(warehouse: Warehouse) -> None:
    assert warehouse.query(
        "select count(quota_amount), count(attainment_rate), sum(attained_amount), "
        "sum(owned_amount), sum(owned_count) from marts.mart_quota_attainment"
    ) == warehouse.query(
        "select 0, 0, sum(amount), sum(amount), count(*) from core.fct_opportunity where is_won"
    )


def test_the_summary_tells_of_repairs_gates_and_the_model(warehouse: Warehouse) -> None:
    printed = (warehouse.data / "printed.txt").read_text()
    for expected in ("GTXPro → GTX Pro", "G4", "no model speaks", "sales_marts.duckdb"):
        assert expected in printed
