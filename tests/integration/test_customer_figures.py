"""Who the customers are and what they bought, from plain SQL over the exports."""

from datetime import date, timedelta

import duckdb
import pytest

from tests.integration.conftest import LAST_DAY, Warehouse


@pytest.fixture(scope="module")
def files(evening: Warehouse) -> duckdb.DuckDBPyConnection:
    """`deals`: the last sound version of every opportunity; `accounts`: those that are there."""
    con = duckdb.connect()
    landing = evening.data / "landing" / "salesforce"
    con.execute(
        "create view deals as select *, 'salesforce:' || AccountId as account_id "
        "from (select *, try_cast(CloseDate as date) as close_date "
        f"from read_parquet('{landing}/Opportunity/*.parquet', union_by_name = true)) "
        "where coalesce(Amount, 0) >= 0 and StageName <> 'Verbal Commit' "
        "and close_date is not null and CurrencyIsoCode in ('USD', 'EUR', 'GBP', 'JPY', 'AUD') "
        "qualify row_number() over "
        "(partition by Id order by cast(SystemModstamp as timestamptz) desc) = 1"
    )
    con.execute(
        "create view accounts as select 'salesforce:' || Id as account_id from "
        f"read_csv('{landing}/Account/*.csv', union_by_name = true, all_varchar = true) "
        "qualify row_number() over "
        "(partition by Id order by cast(SystemModstamp as timestamptz) desc) = 1 "
        "and lower(IsDeleted) <> 'true'"
    )
    con.execute(
        "create view rates as select distinct IsoCode, StartDate, NextStartDate, ConversionRate "
        f"from read_csv('{landing}/DatedConversionRate/*.csv')"
    )
    return con


def test_every_account_that_bought_or_is_to_renew_is_a_customer(
    evening: Warehouse, files: duckdb.DuckDBPyConnection
) -> None:
    plain = files.execute(
        "select distinct account_id from deals inner join accounts using (account_id) "
        "where not IsDeleted and (StageName = 'Closed Won' "
        "or (Type = 'Renewal' and StageName not like 'Closed%')) order by account_id"
    ).fetchall()
    assert len(plain) > 20
    for table in ("ml_ltv", "ml_segment"):
        assert plain == evening.inside(f"select account_id from ml.{table} order by account_id")


def test_with_few_customers_their_value_is_what_they_bought_on_average(
    evening: Warehouse, files: duckdb.DuckDBPyConnection
) -> None:
    """Of those who had bought a year ago, within the year; three times that in three years."""
    ago = date.fromisoformat(LAST_DAY) - timedelta(days=365)
    ((plain,),) = files.execute(
        "with won as (select account_id, close_date, Amount / ConversionRate as amount from deals "
        "left join rates on IsoCode = CurrencyIsoCode "
        "and close_date >= StartDate and close_date < NextStartDate "
        "where StageName = 'Closed Won' and not IsDeleted), "
        "before as (select distinct account_id from won where close_date <= ?) "
        "select coalesce(sum(amount) filter (close_date > ?), 0) "
        "/ (select count(*) from before) from before left join won using (account_id)",
        [ago, ago],
    ).fetchall()
    said = evening.inside(
        "select distinct method, cast(value_365d as double), cast(value_1095d as double) "
        "from ml.ml_ltv"
    )
    ((method, year, three_years),) = said
    assert method == "mean_of_customers"
    assert year == pytest.approx(plain, abs=0.02)
    assert three_years == pytest.approx(3 * plain, abs=0.05)


def test_without_a_champion_everybody_has_a_segment_and_nobody_a_cluster(
    evening: Warehouse,
) -> None:
    ((rows, clusters, segments),) = evening.inside(
        "select count(*), count(cluster), count(segment) from ml.ml_segment"
    )
    assert (clusters, segments) == (0, rows)
