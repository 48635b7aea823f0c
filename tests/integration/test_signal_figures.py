"""Unusual moves and next actions on the demo: their figures are those of the files.

The figures are counted from the files by plain SQL, not by the models' queries.
"""

import re
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import duckdb
import pytest

from tests.integration.conftest import LAST_DAY, Warehouse

DAY = date.fromisoformat(LAST_DAY)
WEEK = f"between date '{DAY - timedelta(days=6)}' and date '{DAY}'"
MONTH = f"between date '{DAY - timedelta(days=27)}' and date '{DAY}'"


@pytest.fixture(scope="module")
def files(evening: Warehouse) -> Iterator[duckdb.DuckDBPyConnection]:
    """The exports, each record in its last sound version, times in UTC."""
    landing = evening.data / "landing"
    with duckdb.connect() as con:
        con.execute("set timezone = 'UTC'")
        con.execute(
            "create table deals as select * from "
            f"read_parquet('{landing}/salesforce/Opportunity/*.parquet', union_by_name = true) "
            "where coalesce(Amount, 0) >= 0 and StageName <> 'Verbal Commit' "
            "and try_cast(CloseDate as date) is not null "
            "and CurrencyIsoCode in ('USD', 'EUR', 'GBP', 'JPY', 'AUD') "
            "qualify row_number() over "
            "(partition by Id order by cast(SystemModstamp as timestamptz) desc) = 1"
        )
        con.execute(
            "create table rates as select distinct IsoCode, StartDate, NextStartDate, "
            "ConversionRate "
            f"from read_csv('{landing}/salesforce/DatedConversionRate/*.csv')"
        )
        con.execute(
            "create table calls as select distinct on (call_id) *, "
            "cast(cast(started_at as timestamptz) as date) as day "
            f"from read_json('{landing}/phone/calls/*.jsonl', sample_size = -1) order by call_id"
        )
        con.execute(
            "create table meetings as select distinct on (meeting_id) *, "
            "cast(cast(start_at as timestamptz) as date) as day "
            f"from read_json('{landing}/meetings/meetings/*.jsonl', sample_size = -1) "
            f"where cast(end_at as timestamptz) < '{DAY + timedelta(days=1)} 00:00:00+00' "
            "order by meeting_id"
        )
        yield con


def judged(evening: Warehouse) -> dict[str, tuple[float, Any]]:
    return {
        metric: (observed, cases)
        for metric, observed, cases in evening.query(
            "select metric, observed_value, case_count from ml.ml_anomaly "
            f"where node_type = 'company' and as_of_date = date '{DAY}'"
        )
    }


def test_the_companys_week_equals_plain_sql_over_the_files(
    evening: Warehouse, files: duckdb.DuckDBPyConnection
) -> None:
    found = judged(evening)
    [(outbound, connected)] = files.execute(
        "select count(*), count(*) filter (disposition = 'connected') from calls "
        f"where direction = 'outbound' and day {WEEK}"
    ).fetchall()
    assert found["calls_connected_rate"] == (pytest.approx(connected / outbound), outbound)
    [(created, won, lost)] = files.execute(
        "select count(*) filter (cast(cast(CreatedDate as timestamptz) as date) "
        f"{WEEK}), count(*) filter (StageName = 'Closed Won' and "
        f"cast(cast(LastStageChangeDate as timestamptz) as date) {MONTH}), "
        "count(*) filter (StageName = 'Closed Lost' and "
        f"cast(cast(LastStageChangeDate as timestamptz) as date) {MONTH}) "
        "from deals where not IsDeleted"
    ).fetchall()
    assert found["opportunities_created"][0] == created
    assert found["deals_won"][0] == won
    assert found["deals_lost"][0] == lost
    assert found["win_rate"] == (pytest.approx(won / (won + lost)), won + lost)


def test_meetings_of_the_week_equal_those_of_the_files(
    evening: Warehouse, files: duckdb.DuckDBPyConnection
) -> None:
    [(planned, missed)] = files.execute(
        "select count(*), count(*) filter (status in ('cancelled', 'no_show')) from meetings "
        f"where day {WEEK}"
    ).fetchall()
    rate, cases = judged(evening)["meetings_missed_rate"]
    # meetings that only the CRM holds (events) come on top and are never missed
    assert cases >= planned
    assert rate * cases == pytest.approx(missed)


def test_every_figure_that_was_judged_lies_where_its_p_value_says(evening: Warehouse) -> None:
    [(tests, inside, small)] = evening.query(
        "select count(*), count(*) filter (observed_value between expected_low and "
        "expected_high), count(*) filter (p_value_own <= 0.05) from ml.ml_anomaly "
        f"where as_of_date = date '{DAY}'"
    )
    assert tests > 60
    assert inside / tests > 0.85
    assert abs((tests - inside) - small) <= 0.05 * tests


def actions(evening: Warehouse, rule: str) -> dict[str, str]:
    return {
        entity.removeprefix("salesforce:"): reason
        for entity, reason in evening.query(
            "select entity_id, reason from ml.ml_next_action where entity_type = 'opportunity' "
            f"and as_of_date = date '{DAY}' and rule_code = '{rule}'"
        )
    }


def test_every_open_deal_of_the_files_has_one_action_and_no_other_has(
    evening: Warehouse, files: duckdb.DuckDBPyConnection
) -> None:
    opened = {
        deal
        for (deal,) in files.execute(
            "select Id from deals where StageName not like 'Closed%' and not IsDeleted"
        ).fetchall()
    }
    chosen = evening.query(
        "select entity_id from ml.ml_next_action where entity_type = 'opportunity' "
        f"and as_of_date = date '{DAY}'"
    )
    assert len(chosen) == len(opened)
    assert {entity.removeprefix("salesforce:") for (entity,) in chosen} == opened


def test_what_an_action_says_of_a_deal_is_in_the_files(
    evening: Warehouse, files: duckdb.DuckDBPyConnection
) -> None:
    facts = {
        deal: (step, day, amount)
        for deal, step, day, amount in files.execute(
            "select Id, NextStep, cast(CloseDate as date), Amount / ConversionRate from deals "
            "left join rates on IsoCode = CurrencyIsoCode "
            f"and date '{DAY}' >= StartDate and date '{DAY}' < NextStartDate"
        ).fetchall()
    }
    stepless = actions(evening, "set_next_step")
    assert all(not (facts[deal][0] or "").strip() for deal in stepless)
    overdue = actions(evening, "redate_close")
    for deal, reason in overdue.items():
        [days] = re.findall(r"(\d+) days ago", reason)
        assert (DAY - facts[deal][1]).days == int(days)
    assert stepless or overdue
    for entity, value in evening.query(
        "select entity_id, value_at_stake from ml.ml_next_action "
        f"where entity_type = 'opportunity' and as_of_date = date '{DAY}'"
    ):
        amount = facts[entity.removeprefix("salesforce:")][2]
        assert (value is None) == (amount is None)
        assert value is None or float(value) == pytest.approx(amount, abs=0.02)
