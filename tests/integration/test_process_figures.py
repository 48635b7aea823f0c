"""Competitors, evidence, qualification and warnings are what the exports say by another way."""

from datetime import date
from typing import Any

import duckdb
import pytest

from tests.integration.conftest import PROJECT, Warehouse

MONTH_END = date(2025, 12, 31)
MIDNIGHT, FATE = "timestamp '2026-01-01'", "timestamp '2026-04-01'"  # 90 days apart
COMPETITORS = {"v": "veridian", "q": "quantiva", "s": "selloscope"}  # else built in house
ORDER = (
    "case StageName when 'Prospecting' then 1 when 'Qualification' then 2 when 'Discovery' then 3 "
    "when 'Solution Design' then 4 when 'Proposal' then 5 when 'Negotiation' then 6 end"
)


@pytest.fixture(scope="module")
def files(evening: Warehouse) -> duckdb.DuckDBPyConnection:
    """Views over the exports, each record once a version, with the instant in `known_at`."""
    con = duckdb.connect()
    con.execute("set time zone 'UTC'")
    landing = evening.data / "landing" / "salesforce"
    for name, read in {
        "Opportunity": "read_parquet('{}/*.parquet', union_by_name = true)",
        "OpportunityHistory": "read_parquet('{}/*.parquet', union_by_name = true)",
        "Stage_Evidence__c": "read_parquet('{}/*.parquet')",
        "Task": "read_parquet('{}/*.parquet')",
        "OpportunityCompetitor": "read_csv('{}/*.csv', all_varchar = true)",
        "OpportunityContactRole": "read_csv('{}/*.csv', all_varchar = true)",
    }.items():
        con.execute(
            f"create view {name} as select distinct *, cast(SystemModstamp as timestamptz) "
            f"at time zone 'UTC' as known_at from {read.format(landing / name)}"
        )
    con.execute(
        "create table criteria as select * from "
        f"read_csv('{PROJECT / 'seeds' / 'stage_criteria.csv'}')"
    )
    con.execute(
        "create table excused as select distinct source_id as Id from "
        f"'{evening.data / 'truth' / 'dirt.parquet'}' where object = 'Opportunity' "
        "and kind in ('negative_amount', 'unknown_stage', 'unknown_currency', 'malformed_date')"
    )
    return con


def competitor(name: str) -> str:
    return COMPETITORS.get(name.strip().lower()[0], "inhousebuild")


def ids(rows: list[tuple[Any, ...]]) -> set[tuple[Any, ...]]:
    return {(row[0].removeprefix("salesforce:"), *row[1:]) for row in rows}


def test_competitors_of_a_deal_are_those_of_the_records_and_the_field(
    evening: Warehouse, files: duckdb.DuckDBPyConnection
) -> None:
    listed = files.execute(
        "select OpportunityId, CompetitorName from OpportunityCompetitor "
        "where OpportunityId in (select Id from Opportunity) "
        "qualify row_number() over (partition by Id order by known_at desc) = 1 "
        "and IsDeleted = 'false'"
    ).fetchall()
    field = files.execute(
        "select Id, Competitor__c from Opportunity where Competitor__c is not null "
        "and Id not in (select Id from excused) "
        "qualify row_number() over (partition by Id order by known_at desc) = 1"
    ).fetchall()
    excused = {one for (one,) in files.execute("select Id from excused").fetchall()}
    plain = {(one, competitor(name)) for one, name in listed + field if one not in excused}
    published = ids(
        evening.query(
            "select opportunity_id, competitor_id from core.fct_opportunity_competitor "
            "where is_present"
        )
    )
    assert len(plain) > 50
    assert {row for row in published if row[0] not in excused} == plain


def test_criteria_on_record_are_those_of_the_last_versions(
    evening: Warehouse, files: duckdb.DuckDBPyConnection
) -> None:
    plain = files.execute(
        "with kept as (select *, lower(replace(Criterion__c, ' ', '_')) as code, "
        "min(known_at) filter (Is_Met__c) over (partition by Id) as met_at from Stage_Evidence__c "
        "qualify row_number() over (partition by Id order by known_at desc) = 1) "
        "select Opportunity__c, Stage__c, code, met_at from kept "
        "where Is_Met__c and not IsDeleted and Opportunity__c in (select Id from Opportunity)"
    ).fetchall()
    published = evening.query(
        "select opportunity_id, stage, criterion_code, met_at from core.fct_stage_evidence "
        "where is_met"
    )
    assert len(plain) > 1_000
    assert ids(published) == set(plain)


def test_every_stage_that_a_deal_was_in_asks_for_all_its_criteria(
    evening: Warehouse, files: duckdb.DuckDBPyConnection
) -> None:
    plain = files.execute(
        "with visited as (select distinct OpportunityId, StageName from OpportunityHistory "
        "where OpportunityId in (select Id from Opportunity) "
        "and OpportunityId not in (select Id from excused)) "
        "select stage, count(*) from visited join criteria on StageName = stage "
        "where kind <> 'qualification' group by 1 order by 1"
    ).fetchall()
    excused = [one for (one,) in files.execute("select Id from excused").fetchall()]
    listed = ", ".join(f"'{one}'" for one in excused)
    published = evening.query(
        "select stage, count(*) from core.fct_stage_evidence where was_visited "
        f"and split_part(opportunity_id, ':', 2) not in ({listed}) group by 1 order by 1"
    )
    assert published == plain


def test_qualification_is_what_the_notes_say(
    evening: Warehouse, files: duckdb.DuckDBPyConnection
) -> None:
    plain = files.execute(
        "with last as (select * from Task where Subject like 'BANT%' "
        "qualify row_number() over (partition by Id order by known_at desc) = 1), "
        "daily as (select *, cast(substr(CompletedDateTime, 1, 10) as date) as day from last "
        "where IsClosed and not IsDeleted qualify row_number() over "
        "(partition by WhatId, day order by CompletedDateTime desc, Id desc) = 1) "
        "select WhatId, day, cast(substr(Subject, 6, 1) as int), "
        "Description like '%Budget: yes%', Description like '%Authority: yes%', "
        "Description like '%Need: yes%', Description like '%Timeline: yes%' from daily"
    ).fetchall()
    published = evening.query(
        "select opportunity_id, assessed_date, max(score), "
        + ", ".join(
            f"bool_or(is_met) filter (criterion_code = '{code}')"
            for code in ("budget", "authority", "need", "timeline")
        )
        + " from core.fct_qualification where withdrawn_at is null group by 1, 2"
    )
    assert len(plain) > 100
    assert ids(published) == set(plain)


@pytest.fixture(scope="module")
def past(files: duckdb.DuckDBPyConnection) -> dict[str, tuple[Any, ...]]:
    """Open deals on the month end with their flags, from the histories alone: overdue, pushed
    repeatedly, no decision maker, late-stage competitor, evidence missing, lost 90 days later."""
    rows = files.execute(
        f"""
        with history as (
            select *, {ORDER} as place, cast(CreatedDate as timestamptz) at time zone 'UTC' as since
            from OpportunityHistory where StageName <> 'Verbal Commit'
        ),
        pushes as (
            select OpportunityId, place, CloseDate > lag(CloseDate) over (
                partition by OpportunityId order by since) as is_later
            from history where since < {MIDNIGHT}
        ),
        pushed as (
            select OpportunityId, count(*) as push_count from pushes
            where is_later and place is not null group by 1
        ),
        then_ as (
            select OpportunityId, place, CloseDate as due, first_place from (
                select *, min(place) over (partition by OpportunityId) as first_place
                from history where since < {MIDNIGHT}
            ) qualify row_number() over (partition by OpportunityId order by since desc) = 1
        ),
        later as (
            select OpportunityId, StageName as fate from history where since < {FATE}
            qualify row_number() over (partition by OpportunityId order by since desc) = 1
        ),
        gone as (select Id, min(known_at) as gone_at from Opportunity where IsDeleted group by 1),
        deciders as (
            select distinct OpportunityId from OpportunityContactRole
            where Role in ('Decision Maker', 'Economic Buyer') and known_at < {MIDNIGHT}
        ),
        notes as (
            select WhatId, Description, CompletedDateTime from Task
            where Subject like 'BANT%' and known_at < {MIDNIGHT}
            qualify row_number() over (partition by Id order by known_at desc) = 1
            and IsClosed and not IsDeleted
        ),
        authority as (
            select WhatId from notes
            qualify row_number() over (partition by WhatId order by CompletedDateTime desc) = 1
            and Description like '%Authority: yes%'
        ),
        rivals as (
            select OpportunityId from (
                select * from OpportunityCompetitor where known_at < {MIDNIGHT}
                qualify row_number() over (partition by Id order by known_at desc) = 1
            ) where IsDeleted = 'false'
            union
            select Id from Opportunity where known_at < {MIDNIGHT} and Competitor__c is not null
        ),
        proof as (
            select Opportunity__c, place, count(*) as met_count from (
                select *, lower(replace(Criterion__c, ' ', '_')) as code,
                {ORDER.replace("StageName", "Stage__c")} as place
                from Stage_Evidence__c where known_at < {MIDNIGHT}
                qualify row_number() over (partition by Id order by known_at desc) = 1
            ) as latest
            join criteria on latest.code = criteria.code and latest.Stage__c = criteria.stage
            where Is_Met__c and not IsDeleted and criteria.kind = 'exit_criterion'
            group by 1, 2
        )
        select
            then_.OpportunityId,
            due < '{MONTH_END}',
            coalesce(push_count, 0) >= 2,
            then_.place >= 4 and deciders.OpportunityId is null and authority.WhatId is null,
            then_.place >= 5 and then_.OpportunityId in (select OpportunityId from rivals),
            case when then_.place > first_place then coalesce(met_count, 0) = 0 end,
            fate = 'Closed Lost',
            then_.place,
            gone_at < {FATE}
        from then_
        join later using (OpportunityId)
        left join pushed using (OpportunityId)
        left join gone on then_.OpportunityId = gone.Id
        left join deciders using (OpportunityId)
        left join authority on then_.OpportunityId = authority.WhatId
        left join proof
            on then_.OpportunityId = proof.Opportunity__c and then_.place - 1 = proof.place
        where then_.place is not null and coalesce(gone_at >= {MIDNIGHT}, true)
        and then_.OpportunityId in (select Id from Opportunity)
        and then_.OpportunityId not in (select Id from excused)
        """
    ).fetchall()
    return {row[0]: row[1:] for row in rows}


def test_flags_of_a_past_month_end_are_those_of_the_histories(
    evening: Warehouse,
    files: duckdb.DuckDBPyConnection,
    past: dict[str, tuple[Any, ...]],
) -> None:
    excused = {one for (one,) in files.execute("select Id from excused").fetchall()}
    published = ids(
        evening.query(
            "select opportunity_id, is_overdue, is_pushed_repeatedly, has_no_decision_maker, "
            "has_late_stage_competitor, is_evidence_missing from marts.mart_deal_risk "
            f"where date_day = date '{MONTH_END}'"
        )
    )
    marts = {row[0]: row[1:] for row in published if row[0] not in excused}
    assert len(past) > 10
    assert marts == {one: flags[:5] for one, flags in past.items()}


def test_the_backtest_counts_what_became_of_the_flagged_deals(
    evening: Warehouse, past: dict[str, tuple[Any, ...]]
) -> None:
    """Of deals whose records are sound; the few others are taken as the mart flags them."""
    flags = {
        "pushed_repeatedly": (1, 0),
        "no_decision_maker": (2, 4),
        "late_stage_competitor": (3, 5),
        "evidence_missing": (4, 0),
    }
    columns = {
        "pushed_repeatedly": "is_pushed_repeatedly",
        "no_decision_maker": "has_no_decision_maker",
        "late_stage_competitor": "has_late_stage_competitor",
        "evidence_missing": "is_evidence_missing",
    }
    sound = ", ".join(f"'salesforce:{one}'" for one in past)
    for flag, (place, from_order) in flags.items():
        judged = [
            (row[place], row[5])
            for row in past.values()
            if row[place] is not None and row[6] >= from_order and not row[7]
        ]
        plain = (
            len(judged),
            sum(flagged for flagged, _ in judged),
            sum(lost for _, lost in judged),
            sum(flagged and lost for flagged, lost in judged),
        )
        [others] = evening.query(
            "select count(*), count(*) filter (flagged), count(*) filter (was_lost), "
            "count(*) filter (flagged and was_lost) from ("
            f"select {columns[flag]} as flagged, coalesce(closed_at < {FATE} "
            "and is_lost, false) as was_lost from marts.mart_deal_risk "
            "join core.fct_opportunity using (opportunity_id) "
            f"where date_day = date '{MONTH_END}' and {columns[flag]} is not null "
            f"and mart_deal_risk.stage_order >= {from_order} and not is_deleted "
            f"and opportunity_id not in ({sound}))"
        )
        [published] = evening.query(
            "select deal_count, flagged_count, bad_count, true_positive_count "
            "from marts.mart_deal_risk_backtest where outcome = 'lost' and scope = 'month_end' "
            f"and flag = '{flag}' and snapshot_date = date '{MONTH_END}'"
        )
        assert published == tuple(a + b for a, b in zip(plain, others, strict=True)), flag


def test_the_evening_is_inspected_by_the_rule_that_the_backtest_measures(
    evening: Warehouse,
) -> None:
    flags = (
        "is_overdue, has_no_recent_activity, is_stalled, is_pushed_repeatedly, is_single_threaded, "
        "has_no_decision_maker, has_no_next_step, has_late_stage_competitor, is_evidence_missing, "
        "is_missing_amount, has_shrinking_amount, has_large_amount, risk_score, risk_sentence"
    )
    inspected = evening.query(
        f"select opportunity_id, {flags} from marts.mart_deal_inspection order by 1"
    )
    measured = evening.query(
        f"select opportunity_id, {flags} from marts.mart_deal_risk where date_day = as_of_date "
        "order by 1"
    )
    assert len(inspected) > 10
    assert inspected == measured
    since = evening.query(
        "select count(*) from marts.mart_deal_inspection where is_single_threaded "
        "<> (is_single_threaded_since is not null) or at_risk_since > as_of_date"
    )
    assert since == [(0,)]


def test_a_stage_is_judged_by_what_was_on_record_when_it_was_passed(
    evening: Warehouse, files: duckdb.DuckDBPyConnection
) -> None:
    """Discovery: deals that got beyond it, and how many of its exit criteria they had by then."""
    plain = files.execute(
        f"""
        with history as (
            select OpportunityId, {ORDER.replace(" end", " when 'Closed Won' then 7 end")} as place,
            cast(CreatedDate as timestamptz) at time zone 'UTC' as since
            from OpportunityHistory
            where OpportunityId in (select Id from Opportunity)
            and OpportunityId not in (select Id from excused)
        ),
        entered as (
            select OpportunityId, min(since) as entered_at from history where place = 3 group by 1
        ),
        passed as (
            select OpportunityId, min(since) as passed_at from history join entered
            using (OpportunityId) where place > 3 and since >= entered_at group by 1
        ),
        met as (
            select Id, Opportunity__c, lower(replace(Criterion__c, ' ', '_')) as code,
            min(known_at) filter (Is_Met__c) as met_at, min(known_at) filter (IsDeleted) as gone_at
            from Stage_Evidence__c where Stage__c = 'Discovery' group by 1, 2, 3
        )
        select OpportunityId, count(met.Id) from passed cross join criteria
        left join met on OpportunityId = Opportunity__c and met.code = criteria.code
        and met_at <= passed_at and coalesce(gone_at > passed_at, true)
        where stage = 'Discovery' and kind = 'exit_criterion' group by 1
        """
    ).fetchall()
    excused = {one for (one,) in files.execute("select Id from excused").fetchall()}
    published = ids(
        evening.query(
            "select opportunity_id, exit_criteria_met_count from marts.mart_process_adherence "
            "where stage = 'Discovery' and is_passed and not is_skipped"
        )
    )
    assert len(plain) > 50
    assert {row for row in published if row[0] not in excused} == set(plain)
