"""Executive figures and targets, against plain SQL over the exports of the demo company."""

from datetime import date

import duckdb
import pytest

from tests.integration.conftest import LAST_DAY, Warehouse

YEAR_BEGINS = "2026-01-01"  # the fiscal year of the evening; its first day's rates are the constant


@pytest.fixture(scope="module")
def files(evening: Warehouse) -> duckdb.DuckDBPyConnection:
    """`known`: the last sound version of every opportunity; `deals`: those not deleted."""
    con = duckdb.connect()
    landing = evening.data / "landing" / "salesforce"
    con.execute(
        "create view versions as select *, try_cast(CloseDate as date) as close_date, "
        "cast(cast(CreatedDate as timestamptz) at time zone 'UTC' as date) as created_date "
        f"from read_parquet('{landing}/Opportunity/*.parquet', union_by_name = true)"
    )
    con.execute(
        "create view known as select *, case when IsDeleted then cast(SystemModstamp as "
        "timestamptz) end as deleted_at from versions "
        "where coalesce(Amount, 0) >= 0 and StageName <> 'Verbal Commit' "
        "and close_date is not null and CurrencyIsoCode in ('USD', 'EUR', 'GBP', 'JPY', 'AUD') "
        "qualify row_number() over "
        "(partition by Id order by cast(SystemModstamp as timestamptz) desc) = 1"
    )
    con.execute("create view deals as select * from known where not IsDeleted")
    con.execute(
        "create view rates as select distinct IsoCode, StartDate, NextStartDate, ConversionRate "
        f"from read_csv('{landing}/DatedConversionRate/*.csv')"
    )
    con.execute(
        "create view valued as select deals.*, Amount / ConversionRate as value from deals "
        "left join rates on IsoCode = CurrencyIsoCode "
        "and close_date >= StartDate and close_date < NextStartDate"
    )
    return con


def published(
    evening: Warehouse, kpi: str, period_type: str, segment_type: str = "company"
) -> dict[tuple[date, str], float]:
    rows = evening.query(
        "select period_start, segment, value from marts.mart_exec_kpi "
        f"where kpi = '{kpi}' and period_type = '{period_type}' "
        f"and segment_type = '{segment_type}' and value <> 0"
    )
    return {(start, segment): float(value) for start, segment, value in rows}


def plain(con: duckdb.DuckDBPyConnection, sql: str) -> dict[tuple[date, str], float]:
    return {
        (start, segment): float(value)
        for start, segment, value in con.execute(sql).fetchall()
        if value
    }


def test_bookings_at_constant_rates_take_the_rates_of_the_year_s_first_day(
    evening: Warehouse, files: duckdb.DuckDBPyConnection
) -> None:
    expected = plain(
        files,
        "select date_trunc('quarter', close_date)::date, 'All', sum(Amount / ConversionRate) "
        f"from deals join rates on IsoCode = CurrencyIsoCode and date '{YEAR_BEGINS}' >= StartDate "
        f"and date '{YEAR_BEGINS}' < NextStartDate where StageName = 'Closed Won' group by 1",
    )
    constant = published(evening, "bookings_constant_currency", "fiscal_quarter")
    assert constant == pytest.approx(expected, abs=0.05)
    assert constant != pytest.approx(published(evening, "bookings", "fiscal_quarter"), abs=0.05)


def test_deals_created_and_won_in_the_same_quarter(
    evening: Warehouse, files: duckdb.DuckDBPyConnection
) -> None:
    for kpi, value in [
        ("created_and_won_amount", "sum(value)"),
        ("created_and_won_count", "count(*)"),
    ]:
        expected = plain(
            files,
            f"select date_trunc('quarter', close_date)::date, 'All', {value} from valued "
            "where StageName = 'Closed Won' "
            "and date_trunc('quarter', created_date) = date_trunc('quarter', close_date) "
            "group by 1",
        )
        assert expected
        assert published(evening, kpi, "quarter") == pytest.approx(expected, abs=0.05)


def test_a_customer_is_new_with_the_first_deal_that_it_signs(
    evening: Warehouse, files: duckdb.DuckDBPyConnection
) -> None:
    survivors = dict(
        evening.query(
            "select source_id, account_id from core.fct_opportunity where account_id is not null"
        )
    )
    first: dict[str, date] = {}
    wins = files.execute(
        "select Id, close_date from deals where StageName = 'Closed Won' order by close_date"
    ).fetchall()
    for deal, day in wins:
        if deal in survivors:  # whom a merged account stands for is not in the export of the deal
            first.setdefault(survivors[deal], day)
    expected: dict[tuple[date, str], float] = {}
    for day in first.values():
        quarter = (date(day.year, 3 * ((day.month - 1) // 3) + 1, 1), "All")
        expected[quarter] = expected.get(quarter, 0) + 1
    assert sum(expected.values()) < len(wins)
    assert published(evening, "new_customer_count", "quarter") == expected


def test_calls_meetings_and_demos_of_people_by_month(
    evening: Warehouse, files: duckdb.DuckDBPyConnection
) -> None:
    """Every kind is a part of the whole, and demos are meetings."""
    whole = published(evening, "activity_count", "month")
    kinds = [published(evening, f"{kind}_count", "month") for kind in ("call", "email", "meeting")]
    demos = published(evening, "demo_count", "month")
    assert demos
    for month, count in whole.items():
        assert sum(kind.get(month, 0) for kind in kinds) <= count
        assert demos.get(month, 0) <= kinds[2].get(month, 0)
    landed = evening.query(
        "select count(*) from core.fct_activity where activity_type = 'meeting' "
        "and subject ilike '%demo%' and not is_automated and "
        f"coalesce(outcome, '') not in ('cancelled', 'canceled') and occurred_date <= '{LAST_DAY}'"
    )
    assert [(sum(demos.values()),)] == landed


def test_bookings_by_country_add_up_under_iso_codes(
    evening: Warehouse, files: duckdb.DuckDBPyConnection
) -> None:
    by_country = published(evening, "bookings", "year", "country")
    codes = {segment for _, segment in by_country}
    assert {"US", "GB", "DE"} <= codes
    assert all(len(code) == 2 and code.isupper() for code in codes - {"Unknown"})
    years: dict[tuple[date, str], float] = {}
    for (year, _), amount in by_country.items():
        years[year, "All"] = years.get((year, "All"), 0) + amount
    expected = plain(
        files,
        "select date_trunc('year', close_date)::date, 'All', sum(value) from valued "
        "where StageName = 'Closed Won' group by 1",
    )
    assert years == pytest.approx(expected, abs=0.05)


def test_a_deal_slips_when_the_history_says_that_its_day_moved_beyond_the_month(
    evening: Warehouse, files: duckdb.DuckDBPyConnection
) -> None:
    """Each evening's open deals by the exported history; the marts of deals and nodes agree."""
    landing = evening.data / "landing" / "salesforce"
    expected = plain(
        files,
        f"""
        with months as (
            select unnest(generate_series(date '2025-01-01', date '2026-05-01', interval 1 month))
                ::date as month
        ),
        states as (
            select OpportunityId, history.StageName, try_cast(history.CloseDate as date) as due,
                cast(history.CreatedDate as timestamptz) as changed, history.SystemModstamp,
                known.deleted_at
            from read_parquet('{landing}/OpportunityHistory/*.parquet', union_by_name = true)
                as history
            join known on OpportunityId = known.Id
        ),
        evenings as (
            select month, day, OpportunityId,
                arg_max((StageName, due), (changed, SystemModstamp)) as state
            from months
            cross join lateral (values (month), (month + interval 1 month)) as ends (day)
            join states on changed < cast(day as timestamptz)
                and coalesce(deleted_at >= cast(day as timestamptz), true)
            group by all
        )
        select opening.month, 'All', avg(case when closing.state[1] not like 'Closed%'
            and closing.state[2] >= opening.month + interval 1 month then 1 else 0 end)
        from evenings as opening
        left join evenings as closing
            on opening.month = closing.month and opening.OpportunityId = closing.OpportunityId
            and closing.day > closing.month
        where opening.day = opening.month and opening.state[1] not like 'Closed%'
            and opening.state[2] >= opening.month
            and opening.state[2] < opening.month + interval 1 month
        group by 1
        """,
    )
    slips = published(evening, "slip_rate", "month")
    by_node = evening.query(
        "select period_start, slip_rate from marts.mart_pipeline_slippage "
        "where period_type = 'month' and node_type = 'company' and hierarchy = 'stamped' "
        "and slip_rate > 0"
    )
    assert slips == pytest.approx(
        {(month, "All"): float(rate) for month, rate in by_node}, abs=1e-6
    )
    assert len(expected) > 10
    assert {month: slips.get(month, 0) for month in expected} == pytest.approx(expected, abs=1e-6)


def test_targets_are_judged_by_the_figures_of_the_exports(
    evening: Warehouse, files: duckdb.DuckDBPyConnection
) -> None:
    """Average deal size against 15 % more than in the same quarter of the first whole year."""
    by_quarter = files.execute(
        "select date_trunc('quarter', close_date)::date, avg(value) from valued "
        "where StageName = 'Closed Won' and value is not null group by 1"
    )
    sizes = dict(by_quarter.fetchall())
    judged = evening.query(
        "select period_start, measured_value, status from marts.mart_target_vs_actual "
        "where target_id = 'P-25-average_deal_size' and measured_value is not null"
    )
    assert judged
    for quarter, measured, status in judged:
        change = sizes[quarter] / sizes[quarter.replace(year=2025)] - 1
        assert float(measured) == pytest.approx(change, abs=1e-4)
        running = quarter >= date(2026, 4, 1)  # the evening is a day before the quarter's end
        assert status == ("running" if running else "met" if change >= 0.15 else "missed")


def test_quotas_of_every_level_add_up_to_what_was_exported(
    evening: Warehouse, files: duckdb.DuckDBPyConnection
) -> None:
    sums = evening.query(
        "select node_type, sum(actual_value), sum(target_value) from marts.mart_target_vs_actual "
        "where target_id = 'quota-bookings' and period_type = 'fiscal_quarter' "
        "and node_type in ('company', 'region', 'team', 'rep') group by 1"
    )
    assert len(sums) == 4
    assert len({(actual, quota) for _, actual, quota in sums}) == 1
    quotas = evening.query(
        "select sum(quota_amount) from marts.mart_quota_attainment where measure = 'bookings'"
    )
    assert [(sums[0][2],)] == quotas


def test_every_target_is_shown_once_for_each_of_its_periods(evening: Warehouse) -> None:
    assert evening.query(
        "select count(*) from (select target_id from core.dim_target "
        "except select target_id from marts.mart_target_vs_actual)"
    ) == [(0,)]
    unmeasured = dict(
        evening.query(
            "select target_id, count(*) from marts.mart_target_vs_actual "
            "where status = 'not_measured' group by 1"
        )
    )
    assert "P-18-nps" in unmeasured and set(unmeasured.values()) == {1}
