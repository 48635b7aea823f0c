"""Judging a layer that was built: its suites, and its tables' row counts against the last run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from math import ceil
from pathlib import Path

from expectations import ledger
from expectations.report import ACCEPT_ONCE, GateReport
from expectations.runner import GateSession, now, opened
from expectations.suites import TableSuite, described

MOST_DROPPED = 0.15
"""Greatest share of its rows that a table may lose from one run to the next."""

Suites = Callable[[GateSession, date], list[TableSuite]]
"""Makes a layer's suites for an evening, with the temporary tables that they need."""


def judge_layer(
    gate: str,
    layer: str,
    suites: Suites,
    counted: Sequence[str],
    *,
    database: Path,
    run_id: str,
    as_of: date,
    most_dropped: float = MOST_DROPPED,
) -> GateReport:
    """Judge the tables of a layer and record every outcome.

    Args:
        gate: the gate's name, such as `G2`.
        layer: the schema that it judges.
        suites: what is expected of its tables.
        counted: tables whose row counts are held against the last run that passed for this
            evening or an earlier one.
        database: the build database; the caller has no connection to it open.
        run_id: the run that the outcomes are recorded for.
        as_of: the run's evening.
        most_dropped: greatest share of its rows that a counted table may lose; 1 accepts any.

    Raises:
        GateError: when the database is missing.
    """
    at = now()
    with opened(gate, database) as session:
        ledger.prepare(session.con)
        outcomes = session.judge_all(suites(session, as_of))
        there = [table for table in counted if table in session.columns_of(layer)]
        for table in there:
            outcomes += session.judge(_volume(session, layer, table, as_of, most_dropped))
        report = GateReport(gate, layer, run_id, as_of, at, tuple(dict.fromkeys(outcomes)))
        ledger.append_outcomes(session.con, report)
        if report.passed:
            for table in there:
                rows = session.count(f"{layer}.{table}")
                ledger.remember_volume(session.con, report, f"{layer}.{table}", rows)
    return report


def _volume(
    session: GateSession, layer: str, table: str, as_of: date, most_dropped: float
) -> TableSuite:
    earlier = ledger.earlier_volume(session.con, session.gate, f"{layer}.{table}", as_of)
    expectations = ()
    if earlier is not None:
        day, rows = earlier
        least = ceil(rows * (1 - most_dropped))
        expectations = (
            described(
                "ExpectTableRowCountToBeBetween",
                name="rows_not_dropped",
                says=f"at least {least} rows, after {rows} as of {day}",
                fix="Look for rows that sources no longer give or a model now leaves out; if they "
                f"are meant to go, accept it once: {ACCEPT_ONCE}.",
                min_value=least,
            ),
        )
    return TableSuite(layer, table, f"select * from {layer}.{table}", expectations)
