"""What the gates write down in `ops`: outcomes, how far raw was judged, row counts to compare."""

from __future__ import annotations

from datetime import date

import duckdb

from expectations.report import GateReport

OPS_TABLES = """
create schema if not exists ops;
create table if not exists ops.ops_load (
    load_id bigint, source_system varchar, object_name varchar, source varchar,
    fingerprint varchar, rows_received bigint, rows_unreadable bigint, columns_added varchar,
    encoding varchar, loaded_at timestamp
);
create table if not exists ops.ops_check (
    run_id varchar, gate varchar, table_name varchar, expectation varchar, column_name varchar,
    severity varchar, success boolean, observed_value varchar, unexpected_count bigint,
    element_count bigint, checked_at timestamp
);
alter table ops.ops_check add column if not exists message varchar;
create table if not exists ops.ops_judged (
    source_system varchar, object_name varchar, load_id bigint, run_id varchar,
    rows_received bigint, rows_accepted bigint, rows_refused bigint, judged_at timestamp
);
create table if not exists ops.ops_volume (
    gate varchar, table_name varchar, as_of_date date, row_count bigint, run_id varchar,
    checked_at timestamp
);
"""


def prepare(con: duckdb.DuckDBPyConnection) -> None:
    """Create the tables of the ledger that are not there yet."""
    con.execute(OPS_TABLES)


def append_outcomes(con: duckdb.DuckDBPyConnection, report: GateReport) -> None:
    """Add every outcome of a report to `ops.ops_check`."""
    values: list[object] = []
    for outcome in report.outcomes:
        values += [
            report.run_id,
            outcome.gate,
            f"{outcome.schema}.{outcome.table}",
            outcome.expectation,
            ", ".join(outcome.columns) or None,
            outcome.severity,
            outcome.success,
            outcome.observed,
            outcome.unexpected_count,
            outcome.element_count,
            report.checked_at,
            outcome.message,
        ]
    if values:
        row = f"({', '.join('?' * 12)})"
        con.execute(
            "insert into ops.ops_check (run_id, gate, table_name, expectation, column_name, "
            "severity, success, observed_value, unexpected_count, element_count, checked_at, "
            f"message) values {', '.join([row] * len(report.outcomes))}",
            values,
        )


def last_judged(con: duckdb.DuckDBPyConnection, system: str) -> dict[str, int]:
    """The greatest load id of each object of a system whose rows passed the gate."""
    rows = con.execute(
        "select object_name, max(load_id) from ops.ops_judged where source_system = ? group by all",
        [system],
    ).fetchall()
    return {str(name): int(load_id) for name, load_id in rows}


def reserve_load_id(
    con: duckdb.DuckDBPyConnection, system: str, name: str, report_time: object
) -> int:
    """Take the next load id for rows that leave quarantine, so that they count as new from here.

    The line in the ledger of loads received no rows: they were counted when they first came.
    """
    row = con.execute("select coalesce(max(load_id), 0) + 1 from ops.ops_load").fetchone()
    load_id = int(row[0]) if row else 1
    con.execute(
        "insert into ops.ops_load "
        "(load_id, source_system, object_name, source, fingerprint, rows_received, loaded_at) "
        "values (?, ?, ?, 'quarantine-release', ?, 0, ?)",
        [load_id, system, name, f"quarantine-release:{load_id}", report_time],
    )
    return load_id


def earlier_volume(
    con: duckdb.DuckDBPyConnection, gate: str, table: str, as_of: date
) -> tuple[date, int] | None:
    """The row count of a table in the last run that passed for this day or an earlier one."""
    row = con.execute(
        "select as_of_date, row_count from ops.ops_volume "
        "where gate = ? and table_name = ? and as_of_date <= ? "
        "order by as_of_date desc, checked_at desc limit 1",
        [gate, table, as_of],
    ).fetchone()
    return (row[0], int(row[1])) if row else None


def remember_volume(
    con: duckdb.DuckDBPyConnection, report: GateReport, table: str, rows: int
) -> None:
    """Note the row count of a table that passed, for later runs to be compared with."""
    con.execute(
        "insert into ops.ops_volume (gate, table_name, as_of_date, row_count, run_id, checked_at) "
        "values (?, ?, ?, ?, ?, ?)",
        [report.gate, table, report.as_of, rows, report.run_id, report.checked_at],
    )
