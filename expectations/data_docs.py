"""Data Docs: what the gates found, as static pages that load nothing and show nobody's data.

Great Expectations' own Data Docs fetch scripts from a content network and embed sample values of
failing rows; these pages are made from the outcomes that the gates recorded instead.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape
from pathlib import Path

import duckdb

from expectations.pages import mark, number, page, row, table
from expectations.quarantine import Refusal, refusals
from expectations.report import NOTHING_NEW, GateError, Severity

_GATES = {
    "G1": "between raw and staging",
    "G2": "between core and the predictions",
    "G3": "between the predictions and the marts",
    "G3_derived": "after what is derived from predictions",
    "G4": "before publishing",
}
_RUNS_SHOWN = 20


@dataclass(frozen=True)
class _Recorded:
    """One recorded outcome of a judgement."""

    table: str
    expectation: str
    columns: str
    severity: Severity
    success: bool
    observed: str | None
    unexpected: int | None
    elements: int | None
    message: str

    @property
    def is_blocking(self) -> bool:
        return self.severity == "critical" and not self.success


@dataclass(frozen=True)
class _Judgement:
    """The last judgement of a gate over one schema, and how the ones before it ended."""

    gate: str
    schema: str
    run_id: str
    checked_at: datetime
    outcomes: tuple[_Recorded, ...]
    earlier: tuple[bool, ...]

    @property
    def passed(self) -> bool:
        return not any(outcome.is_blocking for outcome in self.outcomes)

    @property
    def file(self) -> str:
        return f"{self.gate.lower()}_{self.schema}.html"


def build_data_docs(database: Path, folder: Path) -> Path:
    """Write an index, and a page for each gate and schema with its last judgement.

    Args:
        database: the build database, which no other process may be writing.
        folder: where the pages go; it is made when it is not there.

    Returns:
        The index page.

    Raises:
        GateError: when the database does not exist.
    """
    if not database.is_file():
        raise GateError(f"no database at {database}; run the gates first")
    with duckdb.connect(str(database), read_only=True) as con:
        judgements = _judgements(con)
        refused = refusals(con)
    folder.mkdir(parents=True, exist_ok=True)
    for judgement in judgements:
        (folder / judgement.file).write_text(_judgement_page(judgement), encoding="utf-8")
    index = folder / "index.html"
    index.write_text(_index_page(judgements, refused), encoding="utf-8")
    return index


def _judgements(con: duckdb.DuckDBPyConnection) -> list[_Judgement]:
    recorded = con.execute(
        "select count(*) from duckdb_tables() "
        "where schema_name = 'ops' and table_name = 'ops_check'"
    ).fetchone()
    if recorded is None or not recorded[0]:
        return []
    runs = con.execute(
        "select gate, split_part(table_name, '.', 1) as schema_name, run_id, checked_at, "
        "not bool_or(severity = 'critical' and not success) as passed "
        "from ops.ops_check where expectation <> ? group by all "
        "order by gate, schema_name, checked_at",
        [NOTHING_NEW],  # would hide what was found when there was something
    ).fetchall()
    by_subject: dict[tuple[str, str], list[tuple[str, datetime, bool]]] = {}
    for gate, schema, run_id, checked_at, passed in runs:
        by_subject.setdefault((str(gate), str(schema)), []).append((run_id, checked_at, passed))
    judgements: list[_Judgement] = []
    for (gate, schema), known in by_subject.items():
        run_id, checked_at, _ = known[-1]
        outcomes = con.execute(
            "select table_name, expectation, coalesce(column_name, ''), severity, success, "
            "observed_value, unexpected_count, element_count, coalesce(message, '') "
            "from ops.ops_check where gate = ? and split_part(table_name, '.', 1) = ? "
            "and run_id = ? and checked_at = ?",
            [gate, schema, run_id, checked_at],
        ).fetchall()
        judgements.append(
            _Judgement(
                gate,
                schema,
                run_id,
                checked_at,
                tuple(_Recorded(*outcome) for outcome in outcomes),
                tuple(passed for _, _, passed in known[-_RUNS_SHOWN:]),
            )
        )
    return judgements


def _index_page(judgements: Sequence[_Judgement], refused: Sequence[Refusal]) -> str:
    rows = "".join(
        row(
            f"<b>{escape(one.gate)}</b>",
            f'<a href="{escape(one.file)}">{escape(one.schema)}</a>',
            _GATES.get(one.gate, ""),
            mark("held", "passed") if one.passed else mark("critical", "failed"),
            number(sum(outcome.success for outcome in one.outcomes)),
            number(sum(outcome.is_blocking for outcome in one.outcomes)),
            number(
                sum(not outcome.success and not outcome.is_blocking for outcome in one.outcomes)
            ),
            f"{one.checked_at:%Y-%m-%d %H:%M}",
            _runs(one.earlier),
        )
        for one in judgements
    )
    gates = (
        table(
            "Gate,Layer,Where,Verdict,#Expectations met,#Failed,#Findings,Judged (UTC),Last runs",
            rows,
        )
        if judgements
        else "<p>No gate has judged anything yet.</p>"
    )
    reasons = "".join(
        row(f"<code>{escape(one.table)}</code>", escape(one.reason), number(one.rows))
        for one in refused
    )
    kept = table("Object,Reason,#Rows", reasons) if refused else "<p>No row is in quarantine.</p>"
    return page(
        "Quality gates",
        "<p>What Great Expectations found between the layers of the warehouse when it last looked. "
        "A failed gate stops what lies behind it; the published tables stay as they were.</p>"
        f"{gates}<h2>Rows in quarantine</h2><p>Refused rows wait in the schema "
        "<code>quarantine</code> and are judged again every night.</p>"
        f"{kept}",
    )


def _judgement_page(judgement: _Judgement) -> str:
    tables: dict[str, list[_Recorded]] = {}
    for outcome in judgement.outcomes:
        tables.setdefault(outcome.table, []).append(outcome)
    missed = [outcome for outcome in judgement.outcomes if not outcome.success]
    findings = "".join(
        row(_severity(outcome), escape(outcome.message)) for outcome in _worst_first(missed)
    )
    verdict = mark("held", "passed") if judgement.passed else mark("critical", "failed")
    return page(
        f"{judgement.gate} {judgement.schema}",
        f"<p>{verdict} judged {judgement.checked_at:%Y-%m-%d %H:%M} UTC by run "
        f"<code>{escape(judgement.run_id)}</code> · "
        '<a href="index.html">all gates</a></p><h2>Findings</h2>'
        + (table("Severity,What", findings) if missed else "<p>Everything holds.</p>")
        + "<h2>Expectations</h2>"
        + "".join(_table_section(name, outcomes) for name, outcomes in sorted(tables.items())),
    )


def _table_section(name: str, outcomes: Sequence[_Recorded]) -> str:
    rows = "".join(
        row(
            _severity(outcome),
            f"<code>{escape(outcome.expectation)}</code>",
            escape(outcome.columns),
            escape(outcome.observed or ""),
            number(outcome.unexpected),
            number(outcome.elements),
        )
        for outcome in _worst_first(outcomes)
    )
    held = sum(outcome.success for outcome in outcomes)
    state = " open" if held < len(outcomes) else ""
    return (
        f"<details{state}><summary>{escape(name)}<small>{held} of {len(outcomes)} hold</small>"
        "</summary>"
        + table("Result,Expectation,Columns,Observed,#Failing rows,#Rows", rows)
        + "</details>"
    )


def _worst_first(outcomes: Iterable[_Recorded]) -> list[_Recorded]:
    order = ("critical", "quarantine", "warning", "info")
    return sorted(outcomes, key=lambda one: (one.success, order.index(one.severity), one.table))


def _severity(outcome: _Recorded) -> str:
    return mark("held", "holds") if outcome.success else mark(outcome.severity, outcome.severity)


def _runs(passed: Sequence[bool]) -> str:
    marks = "".join(
        f'<span class="{"held" if one else "failed"}" title="{"passed" if one else "failed"}">'
        "</span>"
        for one in passed
    )
    return f'<span class="runs">{marks}</span>'
