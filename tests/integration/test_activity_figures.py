"""Activities on the demo: what the marts count is what the exported files hold.

The figures are counted from the files by plain SQL and Python, not by the models' queries.
"""

import shutil
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.integration.conftest import LAST_DAY, Warehouse

END = datetime.fromisoformat(LAST_DAY) + timedelta(days=1)
WINDOW = timedelta(days=7)  # of replies and next steps in seeds/engagement_windows.csv


@pytest.fixture(scope="module")
def files(evening: Warehouse) -> Iterator[duckdb.DuckDBPyConnection]:
    """Plain SQL over the exports, each record once, times in UTC."""
    landing = evening.data / "landing"
    with duckdb.connect() as con:
        con.execute("set timezone = 'UTC'")

        def view(name: str, reader: str, key: str, *times: str) -> None:
            utc = ", ".join(f"cast({time} as timestamptz)::timestamp as {time}" for time in times)
            con.execute(
                f"create table {name} as select distinct on ({key}) * replace ({utc}) "
                f"from {reader} order by {key}"
            )

        view("mails", f"'{landing}/email/messages/*.parquet'", "message_id", "sent_at")
        calls = f"read_json('{landing}/phone/calls/*.jsonl', sample_size = -1)"
        view("calls", calls, "call_id", "started_at")
        # one that is called off today but would have been next week is none yet
        meetings = (
            f"(from read_json('{landing}/meetings/meetings/*.jsonl', sample_size = -1) "
            f"where cast(end_at as timestamptz)::timestamp < timestamp '{END}')"
        )
        view("meetings", meetings, "meeting_id", "start_at")
        analyses = f"read_json('{landing}/meetings/recordings/*.jsonl', sample_size = -1)"
        view("recordings", analyses, "meeting_id", "analyzed_at")
        for system, parent in (("phone", "call_id"), ("meetings", "meeting_id")):
            con.execute(
                f"create table {system}_actions as select * from (select {parent} as parent, "
                "action_id, status, kind, due_date::date as due_date, "
                "row_number() over (partition by action_id order by updated_at desc) as age "
                f"from read_json('{landing}/{system}/action_items/*.jsonl', sample_size = -1)) "
                "where age = 1"
            )
        con.execute("create view actions as from phone_actions union all from meetings_actions")
        con.execute(
            "create view done as "
            "select 'email' as kind, is_automated, mailbox as email, sent_at as done_at, 1 as held "
            "from mails union all "
            "select 'call', false, user_email, started_at, 1 from calls union all "
            "select 'meeting', false, organizer_email, start_at, (status <> 'cancelled')::int "
            "from meetings"
        )
        con.execute(
            "create table users as select distinct Id, Email, ManagerId, "
            "cast(SystemModstamp as timestamptz)::timestamp as since "
            f"from read_csv('{landing}/salesforce/User/*.csv', all_varchar = true)"
        )
        yield con


def test_activities_by_month_type_and_machine_equal_the_files(
    evening: Warehouse, files: duckdb.DuckDBPyConnection
) -> None:
    plain = files.execute(
        "select date_trunc('month', done_at)::date, kind, "
        "count(*) filter (not is_automated and held = 1), count(*) filter (held = 0), "
        "count(*) filter (is_automated) from done group by all order by all"
    ).fetchall()
    assert len(plain) > 60
    assert plain == evening.query(
        "select date_trunc('month', date_day)::date, activity_type, sum(activity_count)::bigint, "
        "sum(not_held_count)::bigint, sum(automated_count)::bigint from marts.mart_activity "
        "where activity_type in ('email', 'call', 'meeting') group by all order by all"
    )


def test_each_activity_is_of_the_user_whose_address_the_file_has(
    evening: Warehouse, files: duckdb.DuckDBPyConnection
) -> None:
    plain = files.execute(
        "select lower(email), kind, count(*) from done group by all order by all"
    ).fetchall()
    assert plain == evening.query(
        "select users.email, activity_type, "
        "sum(activity_count + not_held_count + automated_count)::bigint "
        "from marts.mart_activity join core.dim_user as users using (user_id) "
        "where users.is_current and activity_type in ('email', 'call', 'meeting') "
        "group by all order by all"
    )


def test_calls_are_stamped_with_the_manager_of_their_instant(
    evening: Warehouse, files: duckdb.DuckDBPyConnection
) -> None:
    """A user's state holds from its modification on, the first one from ever."""
    plain = files.execute(
        "with states as (select Id, Email, ManagerId, case when row_number() over "
        "(partition by Id order by since) = 1 then timestamp '1900-01-01' else since end as since "
        "from users), stamped as (select calls.*, states.Id, states.ManagerId from calls "
        "asof join states on calls.user_email = states.Email and calls.started_at >= states.since) "
        "select 'salesforce:' || Id, 'salesforce:' || ManagerId, count(*) from stamped "
        "group by all order by all"
    ).fetchall()
    assert plain == evening.query(
        "select user_id, manager_user_id, sum(activity_count)::bigint from marts.mart_activity "
        "where activity_type = 'call' group by all order by all"
    )
    moved = {user for user, _, _ in plain if sum(user == other for other, _, _ in plain) > 1}
    assert moved  # somebody's manager changed, so that the test can fail


def test_calls_connected_and_meetings_held_equal_the_files(
    evening: Warehouse, files: duckdb.DuckDBPyConnection
) -> None:
    plain = files.execute(
        "select year(started_at), count(*), count(*) filter (disposition = 'connected') "
        "from calls group by all order by all"
    ).fetchall()
    assert plain == evening.query(
        "select year(period_start), sum(call_count)::bigint, sum(connected_count)::bigint "
        "from marts.mart_engagement where period_type = 'year' and segment_type = 'company' "
        "and channel = 'phone' group by all order by all"
    )
    plain = files.execute(
        "select title = 'Solution demo', count(*), count(*) filter (status = 'held'), "
        "count(*) filter (status = 'cancelled'), count(*) filter (status = 'no_show') "
        "from meetings group by all order by all"
    ).fetchall()
    assert plain == evening.query(
        "select engagement_type = 'demo', sum(booked_count)::bigint, sum(held_count)::bigint, "
        "sum(cancelled_count)::bigint, sum(no_show_count)::bigint from marts.mart_engagement "
        "where period_type = 'year' and segment_type = 'company' and channel = 'meeting' "
        "group by all order by all"
    )


def _is_answered(times: list[datetime], sent_at: datetime) -> bool:
    """Whether one of the times in order comes after an instant and within the window."""
    place = bisect_right(times, sent_at)
    return place < len(times) and times[place] <= sent_at + WINDOW


def _replies(
    files: duckdb.DuckDBPyConnection, person_of: dict[str, str | None]
) -> dict[bool, list[int]]:
    """Sent long enough ago, answered, and too young to know, by whether a machine sent it."""
    mails = files.execute(
        "select message_id, thread_id, direction, sent_at, is_automated from mails"
    ).fetchall()
    by_thread: dict[str, list[datetime]] = defaultdict(list)
    by_person: dict[str, list[datetime]] = defaultdict(list)
    for message, thread, direction, at, _ in sorted(mails, key=lambda mail: mail[3]):
        if direction == "inbound":
            by_thread[thread].append(at)
            if person := person_of.get(message):
                by_person[person].append(at)
    found = {False: [0, 0, 0], True: [0, 0, 0]}
    for message, thread, direction, at, machine in mails:
        if direction != "outbound":
            continue
        if at + WINDOW >= END:
            found[machine][2] += 1
            continue
        person = person_of.get(message)
        found[machine][0] += 1
        found[machine][1] += _is_answered(by_thread[thread], at) or (
            person is not None and _is_answered(by_person[person], at)
        )
    return found


def _published_replies(evening: Warehouse) -> dict[bool, list[int]]:
    rows = evening.query(
        "select is_automated, sum(reply_base_count)::bigint, sum(replied_count)::bigint, "
        "sum(reply_immature_count)::bigint from marts.mart_engagement "
        "where period_type = 'year' and segment_type = 'company' and activity_type = 'email' "
        "group by all"
    )
    return {machine: counts for machine, *counts in rows}


def test_replies_in_a_week_equal_those_counted_mail_by_mail(
    evening: Warehouse, files: duckdb.DuckDBPyConnection
) -> None:
    """Who a person is comes from core; the mails, threads and times come from the files."""
    person_of: dict[str, Any] = dict(
        evening.query(
            "select activities.source_id, coalesce(activities.person_contact_id, "
            "leads.converted_contact_id, activities.person_lead_id) "
            "from core.fct_activity as activities left join core.dim_lead as leads "
            "on activities.person_lead_id = leads.lead_id and leads.is_current "
            "where activities.source_system = 'email'"
        )
    )
    found = _replies(files, person_of)
    assert found == _published_replies(evening)
    assert all(min(counts) > 0 for counts in found.values())


def test_replies_hardly_differ_when_a_person_is_an_address(
    evening: Warehouse, files: duckdb.DuckDBPyConnection
) -> None:
    address_of = dict(
        files.execute(
            "select message_id, case when direction = 'inbound' then from_address "
            "else to_addresses end from mails"
        ).fetchall()
    )
    found, published = _replies(files, address_of), _published_replies(evening)
    for machine, (base, replied, _) in found.items():
        assert published[machine][0] == base
        assert published[machine][1] == pytest.approx(replied, rel=0.03)


def test_conversations_and_what_was_promised_in_them_equal_the_files(
    evening: Warehouse, files: duckdb.DuckDBPyConnection
) -> None:
    plain = files.execute(
        "with heard as (select 'call' as kind, call_id as id, talk_ratio, question_count "
        "from calls where disposition = 'connected' union all "
        "select 'meeting', meeting_id, talk_ratio, question_count from recordings), "
        "promised as (select parent, count(*) as actions from actions group by all) "
        "select kind, count(*), round(sum(talk_ratio), 6), sum(question_count)::bigint, "
        "count(actions), coalesce(sum(actions), 0)::bigint "
        "from heard left join promised on id = parent group by all order by all"
    ).fetchall()
    assert plain == evening.query(
        "select conversation_type, count(*), round(sum(talk_ratio), 6), "
        "sum(question_count)::bigint, count(*) filter (action_count > 0), "
        "sum(action_count)::bigint from core.fct_conversation group by all order by all"
    )
    share = sum(row[4] for row in plain) / sum(row[1] for row in plain)
    assert 0.5 < share < 0.75
    plain = files.execute(
        f"select status, kind, count(*), count(*) filter (status = 'open' and due_date < "
        f"date '{LAST_DAY}') from actions group by all order by all"
    ).fetchall()
    assert plain == evening.query(
        "select status, action_kind, count(*), count(*) filter (is_overdue) "
        "from core.fct_conversation_action group by all order by all"
    )


def test_what_became_of_mailings_equals_the_files(
    evening: Warehouse, files: duckdb.DuckDBPyConnection
) -> None:
    landing = evening.data / "landing" / "hubspot_marketing" / "email_events"
    plain = files.execute(
        "select case type when 'UNSUBSCRIBED' then 'unsubscribe' else lower(type) end, "
        "emailCampaignId::varchar, count(distinct id) "
        f"from read_json('{landing}/*.jsonl', sample_size = -1) group by all order by all"
    ).fetchall()
    assert plain == evening.query(
        "select event_type, replace(campaign_id, 'hubspot_marketing:', ''), count(*) "
        "from core.fct_email_event group by all order by all"
    )
    assert {"sent", "delivered", "bounce", "open", "click"} <= {event for event, _, _ in plain}


def test_every_channel_of_a_fact_has_its_taxonomy(evening: Warehouse) -> None:
    assert (
        evening.query(
            "select distinct channel from (select channel from core.fct_activity union all "
            "select channel from core.fct_touchpoint union all "
            "select channel from core.fct_email_event) anti join "
            "(select channel from core.dim_channel where not is_inferred) using (channel)"
        )
        == []
    )


def test_a_match_that_no_longer_holds_is_gone_after_the_next_run(
    evening: Warehouse, tmp_path: Path
) -> None:
    bridge = "core.bridge_activity_opportunity"
    stale = evening.build_copy(tmp_path)
    with duckdb.connect(str(tmp_path / "warehouse.duckdb")) as con:
        before = con.execute(f"from {bridge} order by activity_id").fetchall()
        con.execute(
            f"insert into {bridge} select activity_id, (select min(opportunity_id) "
            "from core.fct_opportunity), 'crm_link', 1.0 from core.fct_activity "
            f"where activity_id not in (select activity_id from {bridge}) limit 3"
        )
    reading = Path("dbt") / "partial_parse.msgpack"
    (tmp_path / "dbt").mkdir()
    shutil.copy(evening.data / reading, tmp_path / reading)
    folder = tmp_path / "run"
    folder.mkdir()
    stale.dbt(folder, "run", "--select", "bridge_activity_opportunity")

    with duckdb.connect(str(folder / "warehouse.duckdb")) as con:
        assert con.execute(f"from {bridge} order by activity_id").fetchall() == before


def test_next_steps_and_progress_equal_those_found_deal_by_deal(evening: Warehouse) -> None:
    """Plain Python over core: which follow-up, meeting, note or stage came next, and when."""
    rows = evening.query(
        "select a.activity_id, channel, activity_type, outcome, occurred_at, direction, "
        "coalesce(person_contact_id, converted_contact_id, person_lead_id), b.opportunity_id "
        "from core.fct_activity as a left join core.bridge_activity_opportunity as b "
        "using (activity_id) left join core.dim_lead as l "
        "on a.person_lead_id = l.lead_id and l.is_current where activity_type <> 'task'"
    )
    signs: dict[str | None, list[datetime]] = defaultdict(list)
    for deal, at in evening.query(
        "select opportunity_id, changed_at from core.fct_opportunity_event "
        "where field = 'next_step' and new_value is not null"
    ):
        signs[deal].append(at)
    for _, _, kind, _, at, direction, person, deal in rows:
        if kind in ("meeting", "event") and direction != "internal":
            signs[person].append(at)
            signs[deal].append(at)
    promised: dict[str, list[datetime]] = defaultdict(list)
    for activity, at in evening.query(
        "select activity_id, created_at from core.fct_conversation_action"
    ):
        promised[activity].append(at)
    stays: dict[str, list[tuple[datetime, datetime, bool, bool]]] = defaultdict(list)
    for deal, *stay in evening.query(
        "select opportunity_id, entered_at, coalesce(exited_at, timestamp '9999-12-31'), "
        "is_open_stage, span_number > 1 and not is_regression and not is_reopen "
        "and stage <> 'Closed Lost' from core.fct_opportunity_stage_span order by span_number"
    ):
        stays[deal].append((stay[0], stay[1], stay[2], stay[3]))
    found: dict[str, list[int]] = defaultdict(lambda: [0] * 6)
    for activity, channel, kind, outcome, at, direction, person, deal in rows:
        counts = found[channel]
        held = outcome == "held" if kind == "meeting" else outcome == "connected"
        if (held or kind == "event") and kind != "email" and direction != "internal":
            until = at + WINDOW
            agreed = any(sign <= until for sign in promised[activity]) or any(
                at < sign <= until
                for key in (person, deal)
                if key is not None
                for sign in signs[key]
            )
            counts[2 if until >= END else 0] += 1
            counts[1] += agreed and until < END
        here = [n for n, s in enumerate(stays.get(deal, [])) if s[2] and s[0] <= at < s[1]]
        if here and outcome != "cancelled":
            until = at + 2 * WINDOW
            later = stays[deal][here[0] + 1 :]
            counts[5 if until >= END else 3] += 1
            counts[4] += until < END and any(s[3] and s[0] <= until for s in later)
    published = evening.query(
        "select channel, sum(next_step_base_count)::bigint, sum(next_step_count)::bigint, "
        "sum(next_step_immature_count)::bigint, sum(stage_base_count)::bigint, "
        "sum(stage_forward_count)::bigint, sum(stage_immature_count)::bigint "
        "from marts.mart_engagement where period_type = 'year' and segment_type = 'company' "
        "group by all"
    )
    assert {channel: counts for channel, *counts in published} == dict(found)
    assert found["phone"][1] and found["meeting"][1] and found["sales_email"][4]
