"""Weekly figures worked out by hand, and nothing in them that was recorded later."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import duckdb
import numpy as np
import polars as pl
import pytest
from signals_core import core_of, event

from ml_assets.anomalies import detect_anomalies
from ml_assets.anomalies.detect import _query

AS_OF = date(2026, 6, 30)  # a Tuesday; its week began on Wednesday 24
LONG_AGO = "2024-01-01 00:00"

# Deal d1: created on 10 June by u1 with 1,000 EUR, moved on and pushed in the week, won at 1,200.
# d2: created in the week; its amount of 500 was told the day after, 900 a week too late.
# d3: lost in the week, deleted in it. d4: won in the week, recorded only on 1 July.
EVENTS = [
    event(1, "d1", "stage", "Prospecting", "2026-06-10 09:00"),
    event(2, "d1", "owner_user_id", "u1", "2026-06-10 09:00"),
    event(3, "d1", "amount_local", "1000", "2026-06-10 09:00"),
    event(4, "d1", "close_date", "2026-06-20", "2026-06-10 09:00"),
    event(5, "d1", "stage", "Discovery", "2026-06-24 09:00"),
    event(6, "d1", "close_date", "2026-07-20", "2026-06-24 10:00"),
    event(7, "d1", "stage", "Qualification", "2026-06-25 09:00"),
    event(8, "d1", "amount_local", "1200", "2026-06-29 09:00"),
    event(9, "d1", "stage", "Closed Won", "2026-06-30 18:00"),
    event(10, "d1", "close_date", "2026-08-30", "2026-06-30 18:00"),
    event(11, "d2", "stage", "Prospecting", "2026-06-29 09:00"),
    event(12, "d2", "owner_user_id", "u1", "2026-06-29 09:00"),
    event(13, "d2", "amount_local", "500", "2026-06-30 09:00"),
    event(14, "d2", "amount_local", "900", "2026-06-30 10:00", "2026-07-04 10:00"),
    event(15, "d3", "stage", "Prospecting", "2026-06-23 23:59"),
    event(16, "d3", "owner_user_id", "u2", "2026-06-23 23:59"),
    event(17, "d3", "stage", "Closed Lost", "2026-06-26 09:00"),
    event(18, "d3", "is_deleted", "true", "2026-06-27 09:00"),
    event(19, "d4", "stage", "Prospecting", "2026-05-01 09:00"),
    event(20, "d4", "owner_user_id", "u2", "2026-05-01 09:00"),
    event(21, "d4", "stage", "Closed Won", "2026-06-26 09:00", "2026-07-01 00:00"),
]


def activity(key: str, kind: str, at: str, **more: object) -> dict[str, object]:
    return {
        "activity_id": key, "activity_type": kind, "occurred_at": at, "recorded_at": at,
        "user_id": "u1", **more,
    }  # fmt: skip


def node(user: str, kind: str, name: str, since: str = LONG_AGO, until: str | None = None):
    return {
        "user_id": user, "node_type": kind, "node_id": name, "node_name": name,
        "valid_from": since, "valid_to": until,
    }  # fmt: skip


CORE: dict[str, list[dict[str, Any]]] = {
    "fct_opportunity_event": EVENTS,
    "fct_opportunity": [
        {"opportunity_id": deal, "account_id": "a1", "currency_code": "EUR"}
        for deal in ("d1", "d2", "d3", "d4")
    ],
    "dim_account": [
        {"account_id": "a1", "segment": "SMB", "valid_from": LONG_AGO, "valid_to": "2026-06-18"},
        {"account_id": "a1", "segment": "Enterprise", "valid_from": "2026-06-18"},
    ],
    "fct_fx_rate": [
        {"currency_code": "EUR", "valid_from": "2026-01-01", "valid_to": "2026-06-24",
         "rate_to_corporate": 1.0},
        {"currency_code": "EUR", "valid_from": "2026-06-24", "rate_to_corporate": 1.1},
    ],
    "fct_opportunity_line": [
        {"line_id": "l1", "opportunity_id": "d1", "discount_rate": 0.1, "is_deleted": False,
         "created_at": "2026-06-20", "modified_at": "2026-06-20"},
        {"line_id": "l2", "opportunity_id": "d1", "discount_rate": 0.3, "is_deleted": False,
         "created_at": "2026-06-20", "modified_at": "2026-06-21"},
        {"line_id": "later", "opportunity_id": "d1", "discount_rate": 0.9, "is_deleted": False,
         "created_at": "2026-06-20", "modified_at": "2026-07-02"},
    ],
    "fct_activity": [
        activity("held", "meeting", "2026-06-24 00:00", outcome="held"),
        activity("missed", "meeting", "2026-06-25 09:00", outcome="no_show"),
        activity("reply", "email", "2026-06-25 09:00", direction="inbound"),
        activity("robot", "email", "2026-06-25 09:00", direction="outbound", is_automated=True),
        activity("call", "call", "2026-06-25 09:00", direction="outbound", outcome="connected"),
        activity("voicemail", "call", "2026-06-30 23:59", direction="outbound",
                 outcome="voicemail"),
        activity("before", "call", "2026-06-23 23:59", direction="outbound", outcome="busy"),
        activity("late", "call", "2026-06-26 09:00", recorded_at="2026-07-01 00:00"),
        activity("answer", "email", "2026-06-24 12:00", direction="outbound",
                 person_lead_id="fast"),
    ],
    "dim_lead": [
        {"lead_id": "fast", "owner_user_id": "u2", "lead_source": "Web",
         "created_at": "2026-06-24 09:00", "valid_from": "2026-06-24 09:00",
         "valid_to": "2026-06-28"},
        {"lead_id": "fast", "owner_user_id": "u1", "lead_source": "Web",
         "created_at": "2026-06-24 09:00", "valid_from": "2026-06-28",
         "converted_at": "2026-06-29 09:00"},
        {"lead_id": "slow", "owner_user_id": "u1", "lead_source": "Web",
         "created_at": "2026-06-25 09:00", "valid_from": "2026-06-25 09:00"},
        {"lead_id": "young", "owner_user_id": "u1", "lead_source": "Fair",
         "created_at": "2026-06-29 09:00", "valid_from": "2026-06-29 09:00"},
    ],
    "dim_user": [
        {"user_id": "u1", "role": "AE", "region": "EMEA", "team": "T1", "valid_from": LONG_AGO},
        {"user_id": "u2", "role": "AE", "region": "EMEA", "team": "T2", "valid_from": LONG_AGO},
    ],
    "bridge_user_node": [
        *(node(user, "company", "All") for user in ("u1", "u2", "unassigned")),
        *(node(user, "region", "EMEA") for user in ("u1", "u2")),
        node("u1", "team", "T0", LONG_AGO, "2026-06-26"),
        node("u1", "team", "T1", "2026-06-26"),
        node("u2", "team", "T2"),
        node("u1", "rep", "u1"),
        node("u2", "rep", "u2"),
    ],
}  # fmt: skip


def figures(con: duckdb.DuckDBPyConnection) -> dict[tuple[str, str, str, int], tuple[float, Any]]:
    frame = _query(con, "weekly_kpis", AS_OF)
    return {
        (metric, kind, name, week): (numerator, denominator)
        for metric, kind, name, week, numerator, denominator in frame.iter_rows()
    }


def test_the_weeks_figures_are_those_worked_out_by_hand():
    found = figures(core_of(CORE))

    def figure(metric: str, kind: str = "company", name: str = "All", week: int = 0) -> Any:
        return found.get((metric, kind, name, week))

    assert figure("opportunities_created") == (1, None)  # d2; d3 was created a minute too early
    assert figure("opportunities_created", week=2) == (1, None)  # d1
    assert figure("opportunities_created", week=1) == (1, None)  # d3, not yet deleted then
    assert figure("pipeline_created_amount") == (550, None)  # 500 EUR at 1.1
    assert figure("pipeline_created_amount", week=2) == (1000, None)
    assert figure("deals_won") == (1, None)
    assert figure("bookings_amount") == (1320, None)  # 1,200 EUR at 1.1
    assert figure("deals_lost") is None  # d3 was deleted
    assert figure("win_rate") == (1, 1)
    assert figure("stage_advances") == (1, None)
    assert figure("stage_regressions") == (1, None)
    assert figure("pushes") == (1, None)  # not the date that the closing set
    assert figure("discount_rate") == (pytest.approx(0.4), 2)
    assert figure("activities") == (6, None)  # neither the robot's nor the one recorded later
    assert figure("activities", week=1) == (1, None)
    assert figure("inbound_emails") == (1, None)
    assert figure("meetings_held") == (1, None)
    assert figure("meetings_missed_rate") == (1, 2)
    assert figure("calls_connected_rate") == (1, 2)
    assert figure("leads_created") == (3, None)
    assert figure("leads_converted") == (1, None)
    assert figure("leads_answered_rate") == (1, 2)  # young still has time
    assert figure("leads_created", "lead_source", "Web") == (2, None)
    assert figure("leads_created", "rep", "u1") == (3, None)  # fast is hers by now
    assert figure("deals_won", "account_segment", "Enterprise") == (1, None)
    assert figure("opportunities_created", "account_segment", "SMB", 2) == (1, None)
    assert figure("activities", "team", "T1") == (6, None)
    assert figure("activities", "team", "T0", 1) == (1, None)


def test_an_empty_company_has_no_anomalies():
    assert detect_anomalies(core_of({}), AS_OF).is_empty()


def busy_company(seed: int = 1) -> dict[str, list[dict[str, Any]]]:
    """Two years of calls and deals of six sellers; the last week of u3 is quiet."""
    rng = np.random.default_rng(seed)
    users = [f"u{number}" for number in range(6)]
    start = datetime(2024, 7, 3)
    calls: list[dict[str, Any]] = []
    events: list[dict[str, Any]] = []
    for week in range(104):
        for user in users:
            count = 1 if (user, week) == ("u3", 103) else int(rng.poisson(15))
            for _ in range(count):
                at = start + timedelta(days=7 * week, hours=float(rng.uniform(0, 167)))
                calls.append(
                    activity(f"a{len(calls)}", "call", str(at), user_id=user, direction="outbound",
                             outcome=str(rng.choice(["connected", "busy"])))
                )  # fmt: skip
            for _ in range(int(rng.poisson(3))):
                at = start + timedelta(days=7 * week, hours=float(rng.uniform(0, 167)))
                deal = f"d{len(events)}"
                events += [
                    event(len(events), deal, "stage", "Prospecting", str(at)),
                    event(len(events) + 1, deal, "owner_user_id", user, str(at)),
                ]
    return {
        **CORE,
        "fct_activity": calls,
        "fct_opportunity_event": events,
        "fct_opportunity": [
            {"opportunity_id": row["opportunity_id"], "account_id": "a1", "currency_code": "EUR"}
            for row in events
            if row["field"] == "stage"
        ],
        "dim_lead": [],
        "dim_account": [],
        "dim_user": [
            {"user_id": user, "role": "AE", "region": "EMEA", "team": "T1", "valid_from": LONG_AGO}
            for user in users
        ],
        "bridge_user_node": [
            *(node(user, "company", "All") for user in users),
            *(node(user, "rep", user) for user in users),
        ],
    }


@pytest.fixture(scope="module")
def company() -> duckdb.DuckDBPyConnection:
    return core_of(busy_company())


def test_the_quiet_seller_is_found(company: duckdb.DuckDBPyConnection):
    found = detect_anomalies(company, AS_OF)
    severe = found.filter(pl.col("severity") == "severe")
    assert severe.select("metric", "node_id").rows() == [("activities", "u3")]
    assert severe["is_alert"].all()
    assert found["is_anomaly"].sum() <= 2  # one in twenty findings may be chance
    assert found["as_of_date"].unique().to_list() == [AS_OF]


def test_nothing_recorded_after_the_evening_changes_what_is_said(
    company: duckdb.DuckDBPyConnection,
):
    before = AS_OF - timedelta(days=21)
    told = detect_anomalies(company, before)
    changed = company.cursor()
    changed.begin()
    end = f"timestamp '{before + timedelta(days=1)}'"
    for statement in (
        f"update core.fct_activity set outcome = 'busy', direction = 'inbound', user_id = 'u1' "
        f"where recorded_at >= {end}",
        f"delete from core.fct_opportunity_event where recorded_at >= {end} and field = 'stage'",
        f"update core.fct_opportunity_event set new_value = 'u2' where recorded_at >= {end}",
        "insert into core.fct_activity (activity_id, activity_type, occurred_at, recorded_at, "
        "user_id) select 'late' || range, 'call', timestamp '2026-06-05 10:00', "
        "timestamp '2026-06-15 10:00', 'u1' from range(500)",
        "insert into core.fct_opportunity_event (change_id, opportunity_id, field, new_value, "
        "changed_at, recorded_at) select change_id || 'x', opportunity_id, 'stage', 'Closed Won', "
        "timestamp '2026-06-05 10:00', timestamp '2026-06-15 10:00' "
        "from core.fct_opportunity_event",
    ):
        changed.execute(statement)
    again = detect_anomalies(changed, before)
    later = detect_anomalies(changed, AS_OF)
    changed.rollback()
    assert again.equals(told)
    assert not later.equals(detect_anomalies(company, AS_OF))


def test_the_order_of_rows_changes_nothing(company: duckdb.DuckDBPyConnection):
    rows = busy_company()
    for table in ("fct_activity", "fct_opportunity_event", "bridge_user_node"):
        rows[table] = rows[table][::-1]
    assert detect_anomalies(core_of(rows), AS_OF).equals(detect_anomalies(company, AS_OF))
