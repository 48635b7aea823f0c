"""Who is credited, compared and planned with: against plain code over the exports and the truth."""

from datetime import date, datetime, timedelta
from typing import Any

import duckdb
import polars as pl
import pytest

from tests.integration.conftest import LAST_DAY, Warehouse


@pytest.fixture(scope="module")
def files(evening: Warehouse) -> duckdb.DuckDBPyConnection:
    """Plain SQL over the exports: the last sound version of deals, the last one of splits."""
    con = duckdb.connect()
    landing = evening.data / "landing" / "salesforce"
    con.execute(
        "create view deals as select *, try_cast(CloseDate as date) as close_date "
        f"from read_parquet('{landing}/Opportunity/*.parquet', union_by_name = true) "
        "where coalesce(Amount, 0) >= 0 and StageName <> 'Verbal Commit' "
        "and try_cast(CloseDate as date) is not null "
        "and CurrencyIsoCode in ('USD', 'EUR', 'GBP', 'JPY', 'AUD') "
        "qualify row_number() over "
        "(partition by Id order by cast(SystemModstamp as timestamptz) desc) = 1"
    )
    con.execute(
        "create view booked as select deals.*, Amount / ConversionRate as usd from deals join "
        "(select distinct IsoCode, StartDate, NextStartDate, ConversionRate "
        f"from read_csv('{landing}/DatedConversionRate/*.csv')) on IsoCode = CurrencyIsoCode "
        "and close_date >= StartDate and close_date < NextStartDate "
        f"where StageName = 'Closed Won' and not IsDeleted and close_date <= date '{LAST_DAY}'"
    )
    con.execute(
        "create view splits as select * from (select *, row_number() over "
        "(partition by Id order by cast(SystemModstamp as timestamptz) desc) as age "
        f"from read_csv('{landing}/OpportunitySplit/*.csv')) where age = 1"
    )
    con.execute(
        f"create view kinds as select distinct Id, IsTotalValidated "
        f"from read_csv('{landing}/OpportunitySplitType/*.csv')"
    )
    return con


def test_credited_bookings_by_user_and_quarter_equal_plain_sql_over_the_files(
    evening: Warehouse, files: duckdb.DuckDBPyConnection
) -> None:
    plain = files.execute(
        "with revenue as (select splits.* from splits join kinds on SplitTypeId = kinds.Id "
        "where IsTotalValidated), credits as ("
        "select SplitOwnerId as who, close_date, usd * SplitPercentage / 100 as usd "
        "from booked join revenue on booked.Id = OpportunityId union all "
        "select OwnerId, close_date, usd from booked "
        "where Id not in (select OpportunityId from revenue)) "
        "select who, date_trunc('quarter', close_date)::date as quarter, sum(usd) from credits "
        "group by all having sum(usd) > 0 order by all"
    ).fetchall()
    published = evening.query(
        "select split_part(user_id, ':', 2), date_trunc('quarter', period_start)::date, "
        "sum(attained_amount) from marts.mart_quota_attainment where measure = 'bookings' "
        "group by all having sum(attained_amount) > 0 order by all"
    )
    assert len(plain) > 20
    assert [row[:2] for row in published] == [row[:2] for row in plain]
    for (*_, mart), (*_, raw) in zip(published, plain, strict=True):
        assert float(mart) == pytest.approx(raw, abs=0.05)  # each deal is rounded to cents


def test_overlay_credit_equals_the_files_and_never_exceeds_the_deal(
    evening: Warehouse, files: duckdb.DuckDBPyConnection
) -> None:
    plain = files.execute(
        "with overlay as (select splits.* from splits join kinds on SplitTypeId = kinds.Id "
        "where not IsTotalValidated) "
        "select SplitOwnerId, sum(usd * SplitPercentage / whole) from booked "
        "join overlay on booked.Id = OpportunityId "
        "join (select OpportunityId, sum(SplitPercentage) as whole from overlay group by all) "
        "using (OpportunityId) group by all order by all"
    ).fetchall()
    published = evening.query(
        "select split_part(user_id, ':', 2), sum(overlay_amount) from marts.mart_rep_scorecard "
        "where period_type = 'month' group by all having sum(overlay_amount) > 0 order by all"
    )
    assert [who for who, _ in published] == [who for who, _ in plain]
    for (_, mart), (_, raw) in zip(published, plain, strict=True):
        # shares that are scaled to sum to 1 have six decimals
        assert float(mart) == pytest.approx(raw, rel=1e-6, abs=0.05)
    assert evening.query(
        "select count(*) from (select opportunity_id, role_type, sum(amount) as credited "
        "from core.fct_opportunity_split group by all) join core.fct_opportunity "
        "using (opportunity_id) where credited <> amount"
    ) == [(0,)]


def reorganisations(evening: Warehouse, kind: str) -> list[dict[str, Any]]:
    truth = pl.read_parquet(evening.data / "truth" / "reorganisations.parquet")
    return truth.filter(pl.col("kind") == kind).to_dicts()


def test_people_who_moved_stand_where_the_truth_says_from_that_moment_on(
    evening: Warehouse,
) -> None:
    lines = {
        (below, above, since)
        for below, above, since in evening.query(
            "select descendant_user_id, ancestor_user_id, valid_from "
            "from core.bridge_user_hierarchy where depth = 1"
        )
    }
    nodes = {
        (user, node, since)
        for user, node, since in evening.query(
            "select user_id, node_id, valid_from from core.bridge_user_node "
            "where node_type in ('team', 'region')"
        )
    }
    moved = reorganisations(evening, "person_moved")
    assert len(moved) >= 3
    for row in moved:
        user, moment = f"salesforce:{row['user_id']}", row["effective_at"]
        if row["from_manager_user_id"] != row["to_manager_user_id"]:
            assert (user, f"salesforce:{row['to_manager_user_id']}", moment) in lines
        assert (user, row["to_team"], moment) in nodes
        if row["from_region"] != row["to_region"]:
            assert (user, row["to_region"], moment) in nodes


def test_accounts_that_moved_have_the_ranges_of_the_truth_and_conflicts_are_flagged(
    evening: Warehouse,
) -> None:
    ranges: dict[tuple[str, str], list[tuple[datetime, datetime | None, bool]]] = {}
    for account, territory, *held in evening.query(
        "select split_part(account_id, ':', 2), split_part(territory_id, ':', 2), valid_from, "
        "valid_to, is_overlapping from core.bridge_territory_account"
    ):
        ranges.setdefault((account, territory), []).append((held[0], held[1], held[2]))
    moved = reorganisations(evening, "account_moved")
    assert len(moved) > 20
    conflicts = 0
    for row in moved:
        new = ranges[row["account_id"], row["to_territory_id"]]
        old = ranges[row["account_id"], row["from_territory_id"]]
        [(_, _, overlaps)] = [held for held in new if held[0] == row["effective_at"]]
        assert row["released_at"] in {until for _, until, _ in old}
        if row["released_at"] != row["effective_at"]:
            assert overlaps
            conflicts += 1
    assert conflicts > 0
    flagged = sum(overlaps for held in ranges.values() for *_, overlaps in held)
    assert conflicts < flagged <= 2 * conflicts + 2


def test_percentiles_are_mid_ranks_among_peers(evening: Warehouse) -> None:
    [(smallest,)] = evening.query(
        "select coalesce(min(peer_count), 5) from marts.mart_rep_scorecard "
        "where bookings_amount_percentile is not null"
    )
    assert smallest >= 5
    peer = ["period_type", "period_start", "peer_group"]
    rows = evening.query(
        "select period_type, period_start, peer_group, cast(bookings_amount as double), "
        "cast(bookings_amount_percentile as double) from marts.mart_rep_scorecard where is_seller"
    )
    cards = pl.DataFrame(
        rows, schema=[*peer, "amount", "percentile"], orient="row", infer_schema_length=None
    )
    size = pl.len().over(peer)
    expected = (pl.col("amount").rank("average").over(peer) - 0.5) / size
    cards = cards.with_columns(expected=pl.when(size >= 5).then(expected), size=size)
    assert (cards["size"] < 5).any()
    shown = cards.filter(pl.col("percentile").is_not_null() | pl.col("expected").is_not_null())
    assert shown.height > 0
    assert ((shown["percentile"] - shown["expected"]).abs() < 1e-5).all()


def months_before(day: date, months: int) -> date:
    """The first day of the month that many months before the month of a day."""
    number = day.year * 12 + day.month - 1 - months
    return date(number // 12, number % 12 + 1, 1)


def test_capacity_ahead_is_quota_times_ramp_attainment_and_attrition(evening: Warehouse) -> None:
    landing = evening.data / "landing" / "salesforce" / "User"
    users = (
        pl.concat([pl.read_csv(path, infer_schema=False) for path in sorted(landing.glob("*.csv"))])
        .sort("SystemModstamp")
        .group_by("Id")
        .agg(pl.all().last())
        .filter(pl.col("Title").str.contains("Account Executive"))
        .select(
            hired=pl.col("Hire_Date__c").str.to_date(),
            left=pl.col("Termination_Date__c").str.to_date(),
        )
        .to_dicts()
    )
    end = date.fromisoformat(LAST_DAY)
    tomorrow = end + timedelta(days=1)
    people = left = 0
    for back in range(1, 13):  # the last twelve whole months
        first, following = months_before(tomorrow, back), months_before(tomorrow, back - 1)
        there = [u for u in users if u["hired"] <= first and (not u["left"] or u["left"] >= first)]
        people += len(there)
        left += sum(1 for u in there if u["left"] and u["left"] < following)
    rows = evening.query(
        "select left_count, person_months, expected_attainment_rate, "
        "date_diff('month', as_of_date, month_start), full_quota_amount, ramp_share, "
        "employed_share, capacity_amount from marts.mart_capacity where is_future and role = 'AE'"
    )
    [(attained, quota)] = evening.query(
        "select sum(attained_amount), sum(quota_amount) from marts.mart_quota_attainment "
        "where measure = 'bookings' and quota_amount > 0 and stamped_role = 'AE' "
        f"and period_end <= date '{end}' and period_end >= date '{tomorrow}' - interval 1 year"
    )
    assert rows
    assert {ahead for *_, ahead, _, _, _, _ in rows} == set(range(1, 13))
    for out, months, rate, ahead, full, ramp, employed, capacity in rows:
        assert (out, months) == (left, people)
        assert float(rate) == pytest.approx(float(attained / quota), abs=1e-6)
        stays = (1 - left / people) ** ahead
        expected = float(full) * float(ramp) * float(employed) * float(rate) * stays
        assert float(capacity) == pytest.approx(expected, abs=1.0)
