"""Rules about a raw object as a whole: what its new rows must be like for the gate to pass.

Each rule is a figure of the judged object and the range in which it has to lie. The figures stand
in one temporary row, `object_figures`, on which Great Expectations judges them all at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from expectations import sql
from expectations.g1_raw.limits import Limits
from expectations.g1_raw.objects import RawObject
from expectations.quarantine import RawTable
from expectations.report import ACCEPT_ONCE, Severity
from expectations.runner import GateSession
from expectations.suites import TableSuite, figure, no_rows


@dataclass(frozen=True)
class JudgedRows:
    """The object whose rows were just judged; its rows are in `judged_rows`, `refused_rows`.

    Attributes:
        table: its raw table.
        one: what is expected of it.
        there: the columns that its raw table has.
        last_judged: the last load that was judged before.
        rows: how many rows were judged.
        new_rows: how many of them are new.
    """

    table: RawTable
    one: RawObject
    there: tuple[str, ...]
    last_judged: int
    rows: int
    new_rows: int


@dataclass(frozen=True)
class _Rule:
    """A figure (`name`, computed by `value`) that lies between the bounds."""

    name: str
    value: str
    says: str
    fix: str
    minimum: float | None = None
    maximum: float | None = None
    columns: tuple[str, ...] = ()
    severity: Severity = "critical"


def every_object_known(schema: str, objects: Sequence[RawObject]) -> TableSuite:
    """The gate has expectations for every raw table of the system."""
    known = ", ".join(sql.literal(one.name.lower()) for one in objects)
    return TableSuite(
        schema,
        "*",
        "select table_name from information_schema.tables "
        f"where table_schema = {sql.literal(schema)}",
        (
            no_rows(
                "objects_known",
                f"select * from {{batch}} where lower(table_name) not in ({known}, 'stages')",
                says="every raw table has expectations",
                fix="Declare the objects in expectations/g1_raw; their rows pass unjudged.",
                severity="warning",
            ),
        ),
    )


def suite(session: GateSession, judged: JudgedRows, limits: Limits) -> TableSuite:
    """The table rules that apply to an object whose rows were just judged.

    Makes the temporary table `object_figures`, with one row.
    """
    rules = [_columns_there(judged)]
    if judged.new_rows >= limits.least_rows:
        rules += _filled(session, judged)
        rules.append(_repeated(judged, limits))
    rules += _refused(session, judged, limits)
    rules += _ledger(session, judged, limits)
    if judged.table.system == "files" and judged.last_judged:
        rules.append(_shrunk(judged, limits))
    figures = ", ".join(
        f"({rule.value}) as {sql.quoted(f'figure {number}')}" for number, rule in enumerate(rules)
    )
    session.con.execute(f"create or replace temp table object_figures as select {figures}")
    return TableSuite(
        judged.table.schema,
        judged.table.name,
        "select * from object_figures",
        tuple(
            figure(
                rule.name,
                f"figure {number}",
                minimum=rule.minimum,
                maximum=rule.maximum,
                columns=rule.columns,
                says=rule.says,
                fix=rule.fix,
                severity=rule.severity,
            )
            for number, rule in enumerate(rules)
        ),
    )


def _columns_there(judged: JudgedRows) -> _Rule:
    there = {name.lower() for name in judged.there}
    missing = [name for name in judged.one.required if name.lower() not in there]
    return _Rule(
        name="columns_there",
        value=str(len(missing)),
        columns=judged.one.required,
        says=f"none of the columns {', '.join(judged.one.required)} is missing",
        fix=f"Export {', '.join(missing)}, or map them in source.yml.",
        maximum=0,
    )


def _filled(session: GateSession, judged: JudgedRows) -> list[_Rule]:
    """Required columns, and those that most rows had before, are not empty in all new rows."""
    filled_before = _filled_before(session, judged)
    return [
        _Rule(
            name="column_not_lost",
            value=f"select count({sql.quoted(column)}) from judged_rows where is_new",
            columns=(column,),
            says=f"some new rows have a value in {column}",
            fix="The export has lost or renamed the column: restore it and load the file again.",
            minimum=1,
        )
        for column in judged.one.columns
        if column in judged.one.required or column in filled_before
    ]


def _filled_before(session: GateSession, judged: JudgedRows) -> set[str]:
    there = {name.lower() for name in judged.there}
    columns = [name for name in judged.one.columns if name.lower() in there]
    if judged.last_judged == 0 or not columns:
        return set()
    shares = ", ".join(f"coalesce(count({sql.quoted(c)}) / count(*), 0)" for c in columns)
    found = session.con.execute(
        f"select {shares} from {judged.table.relation} where _load_id <= {judged.last_judged}"
    ).fetchone()
    return {name for name, share in zip(columns, found or (), strict=True) if share >= 0.5}


def _repeated(judged: JudgedRows, limits: Limits) -> _Rule:
    one = judged.one
    identity = [one.key, *([one.versioned_by] if one.versioned_by else [])]
    columns = ", ".join(sql.quoted(column) for column in identity)
    return _Rule(
        name="rows_not_repeated",
        value=f"select 1 - count(distinct hash(_load_id, {columns})) / count(*) "
        "from judged_rows where is_new",
        columns=tuple(identity),
        says=f"at most {limits.repeated_share:.0%} of new rows repeat another one",
        fix="The export gives rows more than once: look for a join or a file sent twice.",
        maximum=limits.repeated_share,
        # A mapped file may hold objects side by side, and so repeats the one on its outside.
        severity="info" if judged.table.system == "files" else "critical",
    )


def _refused(session: GateSession, judged: JudgedRows, limits: Limits) -> list[_Rule]:
    refused = session.count(
        "judged_rows inner join refused_rows using (_load_id, _row) where is_new"
    )
    all_of_a_first_load = judged.last_judged == 0 and refused == judged.new_rows > 1
    if refused <= limits.refused_rows and not all_of_a_first_load:
        return []
    return [
        _Rule(
            name="refused_share",
            value=f"{refused} / {judged.new_rows}",
            says=f"at most {limits.refused_share:.0%} of new rows are refused",
            fix=f"{refused} of {judged.new_rows} are: see the reasons in "
            f"quarantine.{judged.table.quarantine_name}, mend them and run again.",
            maximum=limits.refused_share,
        )
    ]


def _ledger(session: GateSession, judged: JudgedRows, limits: Limits) -> list[_Rule]:
    """What the ledger of loads says about the object, when it was loaded by the loader."""
    loads = (
        f"from ops.ops_load where source_system = {sql.literal(judged.table.system)} "
        "and source <> 'quarantine-release' and "
    )
    if judged.table.system == "files":  # whose loads are named after files, not objects
        loads += f"source in (select distinct _source from {judged.table.relation})"
    else:
        loads += f"object_name = {sql.literal(judged.table.name)}"
    if not session.value(f"select count(*) {loads}"):
        return []
    rules: list[_Rule] = []
    if judged.table.system != "files":
        rules.append(
            _Rule(
                name="rows_kept",
                value=f"select sum(rows_received) - {session.count(judged.table.relation)} {loads}",
                says="raw holds as many rows as the ledger of loads received (difference 0)",
                fix="Rows were lost or changed by hand: restore a backup, or load from landing "
                "into a new database.",
                minimum=0,
                maximum=0,
            )
        )
    # A file that was loaded again in a better version counts with that one.
    latest = (
        f"select * {loads} and load_id > {judged.last_judged} "
        "qualify row_number() over (partition by source order by load_id desc) = 1"
    )
    rules.append(
        _Rule(
            name="lines_readable",
            value="select coalesce(max(rows_unreadable / (rows_received + rows_unreadable)), 0)"
            f" from ({latest}) as latest where rows_unreadable > {limits.refused_rows}",
            says=f"at most {limits.unreadable_share:.0%} of the lines of a new file are no records",
            fix="See quarantine.unreadable: export the file again, or say in source.yml how it "
            "is written.",
            maximum=limits.unreadable_share,
        )
    )
    return rules


def _shrunk(judged: JudgedRows, limits: Limits) -> _Rule:
    """A file of a mapped source that comes again is not much shorter than it was."""
    return _Rule(
        name="export_not_shrunk",
        value="select coalesce(min(row_count / rows_before), 1) from (select _load_id, "
        "count(*) as row_count, lag(count(*)) over (partition by _source order by _load_id) "
        f"as rows_before from {judged.table.relation} group by _source, _load_id "
        f"qualify _load_id > {judged.last_judged}) as exports "
        f"where rows_before >= {limits.usual_rows}",
        says=f"an export has at least {limits.shrunk_share:.0%} of the last one's rows",
        fix="The export is cut short: make it again in full, or, if it is meant to be so, accept "
        f"it once: {ACCEPT_ONCE}.",
        minimum=limits.shrunk_share,
    )
