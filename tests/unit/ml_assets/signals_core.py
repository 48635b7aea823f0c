"""Schema core in memory with a handful of rows, for tests of signals whose figures are worked out
by hand. Columns that a row doesn't give are null."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import duckdb
import polars as pl

Rows = Mapping[str, Sequence[Mapping[str, object]]]

COLUMNS = {
    "dim_user": "user_id varchar, role varchar, region varchar, team varchar, is_active boolean, "
    "left_on date, manager_user_id varchar, name varchar, valid_from timestamp, "
    "valid_to timestamp",
    "bridge_user_node": "user_id varchar, node_type varchar, node_id varchar, node_name varchar, "
    "valid_from timestamp, valid_to timestamp",
    "dim_account": "account_id varchar, segment varchar, account_type varchar, name varchar, "
    "owner_user_id varchar, is_deleted boolean, merged_into_account_id varchar, "
    "created_at timestamp, valid_from timestamp, valid_to timestamp",
    "dim_lead": "lead_id varchar, owner_user_id varchar, lead_source varchar, rating varchar, "
    "status varchar, is_converted boolean, is_email_valid boolean, converted_at timestamp, "
    "converted_opportunity_id varchar, "
    "is_deleted boolean, created_at timestamp, valid_from timestamp, valid_to timestamp",
    "fct_opportunity": "opportunity_id varchar, account_id varchar, owner_user_id varchar, "
    "currency_code varchar, amount decimal(18, 2), stage varchar, is_open boolean, "
    "opportunity_type varchar, as_of_date date",
    "fct_opportunity_event": "change_id varchar, opportunity_id varchar, field varchar, "
    "old_value varchar, new_value varchar, changed_at timestamp, recorded_at timestamp",
    "fct_opportunity_line": "line_id varchar, opportunity_id varchar, product_id varchar, "
    "discount_rate decimal(9, 4), is_deleted boolean, created_at timestamp, "
    "modified_at timestamp",
    "fct_opportunity_contact": "opportunity_id varchar, contact_id varchar, "
    "is_decision_maker boolean, is_champion boolean, created_at timestamp, "
    "modified_at timestamp, removed_at timestamp",
    "fct_opportunity_competitor": "opportunity_id varchar, competitor_id varchar, "
    "first_seen_at timestamp, removed_at timestamp",
    "fct_fx_rate": "currency_code varchar, valid_from date, valid_to date, "
    "rate_to_corporate decimal(18, 8)",
    "fct_activity": "activity_id varchar, activity_type varchar, direction varchar, "
    "outcome varchar, is_automated boolean, user_id varchar, account_id varchar, "
    "person_contact_id varchar, person_lead_id varchar, occurred_at timestamp, "
    "recorded_at timestamp",
    "bridge_activity_opportunity": "activity_id varchar, opportunity_id varchar, "
    "confidence decimal(9, 4)",
    "fct_conversation_action": "action_id varchar, activity_id varchar, opportunity_id varchar, "
    "action_kind varchar, status varchar, due_date date, created_at timestamp, "
    "completed_at timestamp, modified_at timestamp",
    "fct_touchpoint": "touch_id varchar, lead_id varchar, contact_id varchar, "
    "account_id varchar, occurred_at timestamp, recorded_at timestamp",
    "fct_lifecycle_event": "lead_id varchar, stage varchar, entered_at timestamp, "
    "recorded_at timestamp, lifecycle_event_id varchar",
    "fct_stage_evidence": "opportunity_id varchar, stage varchar, criterion_code varchar, "
    "kind varchar, is_required boolean, is_met boolean, met_at timestamp, "
    "withdrawn_at timestamp, recorded_at timestamp",
}

STAGES = ("Prospecting", "Qualification", "Discovery", "Solution Design", "Proposal", "Negotiation")


def core_of(rows: Rows) -> duckdb.DuckDBPyConnection:
    """A database with schema core; business days are Monday to Friday, quarters calendar ones."""
    con = duckdb.connect()
    con.execute("create schema core")
    for table, columns in COLUMNS.items():
        con.execute(f"create table core.{table} ({columns})")
        given = rows.get(table, ())
        if given:
            frame = pl.DataFrame(list(given), infer_schema_length=None)
            con.register("given", frame)
            con.execute(f"insert into core.{table} by name select * from given")
            con.unregister("given")
    con.execute(
        "create table core.dim_stage (stage varchar, stage_order integer, is_open boolean, "
        "is_won boolean)"
    )
    stages = [(name, at + 1, True, False) for at, name in enumerate(STAGES)]
    con.executemany(
        "insert into core.dim_stage values (?, ?, ?, ?)",
        [*stages, ("Closed Won", 7, False, True), ("Closed Lost", 8, False, False)],
    )
    con.execute(
        "create table core.dim_date as select cast(day as date) as date_day, "
        "isodow(day) < 6 as is_business_day, month(day) as calendar_month, "
        "day(day) as day_of_month, "
        "cast(date_trunc('quarter', day) as date) as fiscal_quarter_start_date "
        "from range(date '2024-01-01', date '2027-01-01', interval 1 day) as days (day)"
    )
    con.execute(
        "create table core.dim_business_day as select 'EMEA' as region, date_day, "
        "is_business_day from core.dim_date"
    )
    return con


def event(number: int, deal: str, field: str, value: str | None, at: str, recorded: str = ""):
    """A row of fct_opportunity_event, recorded when it happened if not told otherwise."""
    return {
        "change_id": f"c{number:03d}", "opportunity_id": deal, "field": field, "new_value": value,
        "changed_at": at, "recorded_at": recorded or at,
    }  # fmt: skip
