"""Forecasts of the demo company against its files and against what only the simulator knows."""

import duckdb
import pytest

from tests.integration.conftest import LAST_DAY, Warehouse

QUARTER, LAST_OF_QUARTER = "2026-04-01", "2026-06-30"
NEXT_QUARTER, LAST_OF_NEXT = "2026-07-01", "2026-09-30"
CENTS = 0.05  # each deal is rounded to cents
STYLES = ("sandbagger", "optimist", "scattered")


@pytest.fixture(scope="module")
def files(evening: Warehouse) -> duckdb.DuckDBPyConnection:
    """Plain SQL over the exports, as of the evening.

    `deals` holds the last sound version of every opportunity with its dollars, `commits` the last
    commit of everybody for each quarter, `quotas` the last version of each bookings quota.
    """
    con = duckdb.connect()
    landing = evening.data / "landing" / "salesforce"
    con.execute(
        "create view rates as select distinct IsoCode, StartDate, NextStartDate, ConversionRate "
        f"from read_csv('{landing}/DatedConversionRate/*.csv')"
    )
    con.execute(
        "create table deals as with versions as (select *, try_cast(CloseDate as date) as due "
        f"from read_parquet('{landing}/Opportunity/*.parquet', union_by_name = true)), "
        "sound as (select * from versions where coalesce(Amount, 0) >= 0 "
        "and StageName <> 'Verbal Commit' and due is not null "
        "and CurrencyIsoCode in ('USD', 'EUR', 'GBP', 'JPY', 'AUD') "
        "qualify row_number() over "
        "(partition by Id order by cast(SystemModstamp as timestamptz) desc) = 1) "
        "select sound.*, coalesce(Amount, 0) / ConversionRate as dollars from sound join rates "
        "on IsoCode = CurrencyIsoCode "
        f"and case when IsClosed then due else date '{LAST_DAY}' end >= StartDate "
        f"and case when IsClosed then due else date '{LAST_DAY}' end < NextStartDate "
        "where not IsDeleted and StageName <> 'Closed Lost'"
    )
    con.execute(
        "create table commits as with versions as (select *, "
        "cast(CreatedDate as timestamptz) at time zone 'UTC' as said_at "
        f"from read_csv('{landing}/ForecastSubmission__c/*.csv') "
        "qualify row_number() over (partition by Id order by SystemModstamp desc) = 1) "
        "select versions.*, Amount__c / ConversionRate as dollars from versions join rates "
        "on IsoCode = CurrencyIsoCode and said_at::date >= StartDate and said_at::date < "
        "NextStartDate where not IsDeleted and ForecastCategory__c = 'Commit'"
    )
    con.execute(
        "create table people as select * "
        f"from read_csv('{landing}/User/*.csv', union_by_name = true) "
        "qualify row_number() over (partition by Id order by SystemModstamp desc) = 1"
    )
    con.execute(
        "create table quotas as select * "
        f"from read_csv('{landing}/ForecastingQuota/*.csv') where IsAmount "
        "qualify row_number() over (partition by Id order by SystemModstamp desc) = 1"
    )
    return con


def in_quarter(first: str, last: str) -> str:
    return f"due between date '{first}' and date '{last}'"


@pytest.mark.parametrize(
    ("first", "last"), [(QUARTER, LAST_OF_QUARTER), (NEXT_QUARTER, LAST_OF_NEXT)]
)
@pytest.mark.parametrize("hierarchy", ["stamped", "current"])
def test_categories_of_the_company_equal_plain_sql_over_the_opportunities(
    evening: Warehouse, files: duckdb.DuckDBPyConnection, first: str, last: str, hierarchy: str
) -> None:
    plain = {
        category: (count, dollars)
        for category, count, dollars in files.execute(
            "select replace(lower(ForecastCategoryName), ' ', '_'), count(*), sum(dollars) "
            f"from deals where {in_quarter(first, last)} group by 1"
        ).fetchall()
    }
    rows = evening.query(
        "select category, opportunity_count, amount, cumulative_amount "
        "from marts.mart_forecast_rollup where node_type = 'company' "
        f"and snapshot_date = date '{LAST_DAY}' and period_start = date '{first}' "
        f"and hierarchy = '{hierarchy}'"
    )
    assert len(rows) == 4
    assert plain
    surest_first = ("closed", "commit", "best_case", "pipeline")
    for category, count, amount, cumulative in rows:
        expected, dollars = plain.get(category, (0, 0.0))
        assert (count, float(amount)) == (expected, pytest.approx(dollars, abs=CENTS))
        below = surest_first[: surest_first.index(category) + 1]
        total = sum(plain.get(name, (0, 0.0))[1] for name in below)
        assert float(cumulative) == pytest.approx(total, abs=CENTS)


def test_reps_have_what_they_own(evening: Warehouse, files: duckdb.DuckDBPyConnection) -> None:
    plain = dict(
        files.execute(
            "select 'salesforce:' || OwnerId, sum(dollars) from deals "
            f"where {in_quarter(NEXT_QUARTER, LAST_OF_NEXT)} and not IsClosed group by 1"
        ).fetchall()
    )
    shown = dict(
        evening.query(
            "select node_id, cumulative_amount from marts.mart_forecast_rollup "
            "where node_type = 'rep' and hierarchy = 'stamped' and category = 'pipeline' "
            f"and snapshot_date = date '{LAST_DAY}' and period_start = date '{NEXT_QUARTER}' "
            "and cumulative_amount > 0"
        )
    )
    assert len(plain) > 1
    assert {user: float(amount) for user, amount in shown.items()} == pytest.approx(
        plain, abs=CENTS
    )


def test_standing_calls_are_the_last_ones_of_who_is_still_there(
    evening: Warehouse, files: duckdb.DuckDBPyConnection
) -> None:
    plain = files.execute(
        "select 'salesforce:' || OwnerId, dollars from commits join people "
        "on people.Id = OwnerId and IsActive where not IsOverride__c "
        f"and PeriodStart__c = date '{QUARTER}' and Title like '%Account Executive' "
        "qualify row_number() over (partition by OwnerId order by said_at desc) = 1"
    ).fetchall()
    shown = evening.query(
        "select node_id, submission_amount from marts.mart_forecast_rollup "
        "where node_type = 'rep' and hierarchy = 'current' and category = 'commit' "
        f"and snapshot_date = as_of_date and period_start = date '{QUARTER}' "
        "and submission_amount is not null"
    )
    assert len(plain) >= 5
    assert {user: float(amount) for user, amount in shown} == pytest.approx(dict(plain), abs=0.01)
    [(total, count)] = evening.query(
        "select rep_submission_amount, rep_submission_count from marts.mart_forecast_rollup "
        "where node_type = 'company' and hierarchy = 'current' and category = 'commit' "
        f"and snapshot_date = as_of_date and period_start = date '{QUARTER}'"
    )
    assert count == len(plain)
    assert float(total) == pytest.approx(sum(dollars for _, dollars in plain), abs=CENTS)


def test_adjustments_are_the_overrides_made_on_the_standing_calls(
    evening: Warehouse, files: duckdb.DuckDBPyConnection
) -> None:
    plain = files.execute(
        "with own as (select * from commits where not IsOverride__c "
        f"and PeriodStart__c = date '{QUARTER}' qualify row_number() over "
        "(partition by OwnerId order by said_at desc) = 1), "
        "changed as (select * from commits where IsOverride__c "
        f"and PeriodStart__c = date '{QUARTER}' qualify row_number() over "
        "(partition by SubmittedFor__c order by said_at desc) = 1) "
        "select count(*), sum(changed.dollars - own.dollars) from changed "
        "join own on own.OwnerId = changed.SubmittedFor__c and changed.said_at >= own.said_at "
        "join people on people.Id = own.OwnerId and people.IsActive "
        "where people.Title like '%Account Executive'"
    ).fetchall()
    [(count, adjusted)] = evening.query(
        "select override_count, coalesce(adjustment_amount, 0) from marts.mart_forecast_rollup "
        "where node_type = 'company' and hierarchy = 'current' and category = 'commit' "
        f"and snapshot_date = as_of_date and period_start = date '{QUARTER}'"
    )
    [(expected, dollars)] = plain
    assert count == expected
    assert float(adjusted) == pytest.approx(dollars or 0.0, abs=CENTS)


def test_the_weighted_pipeline_equals_plain_sql_over_the_opportunities(
    evening: Warehouse, files: duckdb.DuckDBPyConnection
) -> None:
    [(plain,)] = files.execute(
        "select sum(dollars * case when IsWon then 1 else Probability / 100 end) from deals "
        f"where {in_quarter(QUARTER, LAST_OF_QUARTER)} and ForecastCategoryName <> 'Omitted'"
    ).fetchall()
    [(shown, actual)] = evening.query(
        "select forecast_amount, actual_amount from marts.mart_forecast_accuracy "
        "where node_type = 'company' and forecaster = 'weighted_pipeline' "
        f"and snapshot_date = as_of_date and period_start = date '{QUARTER}'"
    )
    assert float(shown) == pytest.approx(plain, abs=CENTS)
    assert actual is None  # the quarter has a day to go


def test_coverage_of_the_company_equals_plain_sql_over_the_files(
    evening: Warehouse, files: duckdb.DuckDBPyConnection
) -> None:
    [(open_dollars, booked)] = files.execute(
        "select sum(dollars) filter (not IsClosed), coalesce(sum(dollars) filter (IsWon), 0) "
        f"from deals where {in_quarter(QUARTER, LAST_OF_QUARTER)}"
    ).fetchall()
    [(quota,)] = files.execute(
        f"select sum(QuotaAmount) from quotas where StartDate = date '{QUARTER}'"
    ).fetchall()
    [(coverage, of_quota, gap, win_rate)] = evening.query(
        "select coverage_ratio, quota_coverage_ratio, coverage_gap_amount, win_rate "
        "from marts.mart_coverage where node_type = 'company' and date_day = as_of_date "
        f"and close_period_start = date '{QUARTER}'"
    )
    assert float(coverage) == pytest.approx(open_dollars / (quota - booked), abs=1e-5)
    assert float(of_quota) == pytest.approx(open_dollars / quota, abs=1e-5)
    needed = (quota - booked) / float(win_rate)
    assert float(gap) == pytest.approx(needed - open_dollars, rel=1e-4)


def test_measured_biases_recover_the_hidden_leanings(
    evening: Warehouse, files: duckdb.DuckDBPyConnection
) -> None:
    leanings = dict(
        files.execute(
            "select 'salesforce:' || user_id, style from "
            f"read_parquet('{evening.data}/truth/forecasters.parquet') "
            "where role = 'Account Executive'"
        ).fetchall()
    )
    measured = evening.query(
        "select distinct node_id, historical_bias_rate, bias_label "
        "from marts.mart_forecast_accuracy where node_type = 'rep' and forecaster = 'rep' "
        "and historical_period_count >= 6 and historical_bias_rate is not null"
    )
    found = {style: [row for row in measured if leanings[row[0]] == style] for style in STYLES}
    assert found["sandbagger"]
    assert found["optimist"]
    assert all(label == "sandbagging" and bias < 0 for _, bias, label in found["sandbagger"])
    assert all(label == "happy_ears" and bias > 0 for _, bias, label in found["optimist"])


def test_calls_get_better_as_the_quarter_closes(evening: Warehouse) -> None:
    errors = dict(
        evening.query(
            "select weeks_to_close between 7 and 12 as is_early, "
            "sum(absolute_error_amount) / sum(actual_amount) from marts.mart_forecast_accuracy "
            "where node_type = 'company' and forecaster = 'rep' and is_complete_period "
            "and weeks_to_close between 1 and 12 group by 1"
        )
    )
    assert errors[False] < errors[True]


def test_the_revenue_forecast_locks_in_what_plain_sql_finds_won(
    evening: Warehouse, files: duckdb.DuckDBPyConnection
) -> None:
    [(booked,)] = files.execute(
        f"select sum(dollars) from deals where IsWon and {in_quarter(QUARTER, LAST_DAY)}"
    ).fetchall()
    rows = evening.query(
        "select distinct already_won_amount, horizon_start_date, horizon_end_date "
        "from ml.ml_revenue_forecast where node_type = 'company' and horizon = 'fiscal_quarter' "
        "and as_of_date = origin_date"
    )
    [(won, first, last)] = rows
    assert booked > 0
    assert float(won) == pytest.approx(booked, abs=CENTS)
    assert (str(first), str(last)) == (QUARTER, LAST_OF_QUARTER)


def test_the_small_company_gets_the_weighted_pipeline_of_plain_sql(
    evening: Warehouse, files: duckdb.DuckDBPyConnection
) -> None:
    """Too few deals were won for a model; the table says so and holds what the CRM expects."""
    rows = evening.query(
        "select horizon_days, amount, data_sufficiency from ml.ml_revenue_forecast "
        "where node_type = 'company' and horizon <> 'fiscal_quarter' and origin_date = as_of_date"
    )
    assert len(rows) == 3
    for days, amount, why in rows:
        assert why == "insufficient_history: weighted_pipeline"
        [(plain,)] = files.execute(
            "select sum(dollars * Probability / 100) from deals where not IsClosed "
            f"and due between date '{QUARTER}' and date '{LAST_DAY}' + {days}"
        ).fetchall()
        assert float(amount) == pytest.approx(plain, abs=CENTS)
