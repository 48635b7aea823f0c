"""The first gate: judges raw rows that are new or in quarantine, object by object."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property
from pathlib import Path

from expectations import ledger, quarantine, sql
from expectations.g1_raw import activity, files, hubspot_marketing, salesforce, tables, volume
from expectations.g1_raw.limits import Limits
from expectations.g1_raw.objects import RawObject
from expectations.g1_raw.reference import make_reference_tables
from expectations.g1_raw.tables import JudgedRows
from expectations.quarantine import RawTable
from expectations.report import NOTHING_NEW, GateError, GateReport, Outcome, RowCounts
from expectations.row_rules import RowRule, accepted
from expectations.runner import GateSession, now, opened
from expectations.suites import TableSuite

GATE = "G1"
FILES = "files"

SYSTEMS: Mapping[str, tuple[RawObject, ...]] = {
    "salesforce": salesforce.OBJECTS,
    "hubspot_marketing": hubspot_marketing.OBJECTS,
    "email": activity.EMAIL,
    "phone": activity.PHONE,
    "meetings": activity.MEETINGS,
    FILES: files.OBJECTS,
}
"""The objects of every system that the gate knows, parents before their children."""


def judge_raw(
    database: Path,
    system: str,
    *,
    run_id: str,
    as_of: date,
    seeds: Path,
    limits: Limits | None = None,
) -> GateReport:
    """Judge the raw rows of a system that are new or still in quarantine.

    Rows that break a row rule go to `quarantine.<system>__<object>` with the reason; rows in
    quarantine that pass now are released under a fresh load id. When a table rule fails, the report
    does not pass, and the new rows are judged again next time.

    Args:
        database: the build database; the caller has no connection to it open.
        system: the system, such as `salesforce`, or `files` for mapped exports.
        run_id: the run that the outcomes are recorded for.
        as_of: the run's evening; volume is judged up to it.
        seeds: the folder with `stages.csv` and `currencies.csv`.
        limits: bounds of the table rules, when other than usual.

    Raises:
        GateError: when the system is unknown, or the database or a seed is missing.
    """
    if system not in SYSTEMS:
        raise GateError(
            f"{GATE}: no expectations for the system {system!r}; there are "
            f"{', '.join(sorted(SYSTEMS))}. Declare its objects in expectations/g1_raw."
        )
    with opened(GATE, database) as session:
        ledger.prepare(session.con)
        judgement = _Judgement(session, system, as_of, seeds, limits or Limits(), now())
        judgement.judge()
        report = GateReport(
            gate=GATE,
            subject=system,
            run_id=run_id,
            as_of=as_of,
            checked_at=judgement.at,
            outcomes=tuple(judgement.outcomes),
            counts=tuple(judgement.counts),
        )
        ledger.append_outcomes(session.con, report)
        if report.passed:
            judgement.remember(run_id)
    return report


@dataclass
class _Judgement:
    """One judgement of one system: what was found so far."""

    session: GateSession
    system: str
    as_of: date
    seeds: Path
    limits: Limits
    at: datetime
    outcomes: list[Outcome] = field(default_factory=list[Outcome])
    counts: list[RowCounts] = field(default_factory=list[RowCounts])
    judged_up_to: dict[str, int] = field(default_factory=dict[str, int])
    parents: set[str] = field(default_factory=set[str])

    @property
    def schema(self) -> str:
        return "mapped_files" if self.system == FILES else f"raw_{self.system}"

    @cached_property
    def columns(self) -> dict[str, tuple[str, ...]]:
        """The columns of every raw table of the system."""
        return self.session.columns_of(self.schema)

    @cached_property
    def last_judged(self) -> dict[str, int]:
        return ledger.last_judged(self.session.con, self.system)

    @cached_property
    def objects(self) -> dict[str, RawObject]:
        """The objects that have a raw table, parents before their children."""
        return {one.name: one for one in SYSTEMS[self.system] if one.name in self.columns}

    def judge(self) -> None:
        quarantine.prepare(
            self.session.con,
            {self._table(name): self.columns[name] for name in self.objects},
        )
        for one in self.objects.values():
            rows, new_rows = self._make_judged_rows(one)
            if rows:
                self._prepare_once()
                self._make_parents(one)
                self._judge_object(one, rows, new_rows)
        if not self.counts:
            self.outcomes.append(self._nothing_new())
        if self.judged_up_to and self.system != FILES:
            timed = [
                one for one in self.objects.values() if one.recorded_at in self.columns[one.name]
            ]
            before = {name: self.last_judged.get(name, 0) for name in self.judged_up_to}
            self.outcomes += volume.judge(
                self.session, self.schema, timed, before, self.as_of, self.limits
            )

    def remember(self, run_id: str) -> None:
        """Note how far each object was judged, so that the next judgement begins behind it."""
        counts = {one.table: one for one in self.counts}
        for name, load_id in self.judged_up_to.items():
            one = counts[name]
            self.session.con.execute(
                "insert into ops.ops_judged (source_system, object_name, load_id, run_id, "
                "rows_received, rows_accepted, rows_refused, judged_at) "
                "values (?, ?, ?, ?, ?, ?, ?, ?)",
                [
                    self.system,
                    name,
                    load_id,
                    run_id,
                    one.received,
                    one.accepted,
                    one.refused,
                    self.at,
                ],
            )

    def _nothing_new(self) -> Outcome:
        return Outcome(
            gate=GATE,
            schema=self.schema,
            table="*",
            expectation=NOTHING_NEW,
            columns=(),
            severity="info",
            success=True,
            observed="0",
            unexpected_count=None,
            element_count=None,
            message=f"{self.schema}: no new row, and none in quarantine, to judge",
        )

    def _table(self, name: str) -> RawTable:
        return RawTable(self.system, name, self.schema)

    def _prepare_once(self) -> None:
        """What is only needed when there is something to judge."""
        if not self.counts:
            make_reference_tables(
                self.session, self.system, self.seeds, has_stages="stages" in self.columns
            )
            suite = tables.every_object_known(self.schema, SYSTEMS[self.system])
            self.outcomes += self.session.judge(suite)

    def _make_judged_rows(self, one: RawObject) -> tuple[int, int]:
        """Show the rows to judge as `judged_rows`, trimmed, blanks as null; how many, how many new.

        A column that the raw table lacks is null throughout.
        """
        table = self._table(one.name)
        known = {name.lower() for name in self.columns[one.name]}
        columns = ", ".join(
            f"nullif(trim({sql.quoted(name)}), '') as {sql.quoted(name)}"
            if name.lower() in known
            else f"cast(null as varchar) as {sql.quoted(name)}"
            for name in one.columns
        )
        last = self.last_judged.get(one.name, 0)
        self.session.con.execute(
            "create or replace temp table judged_rows as "
            f"select _load_id, _row, true as is_new, {columns} from {table.relation} "
            f"where _load_id > {last} "
            f"union all select _load_id, _row, false as is_new, {columns} from {table.relation} "
            f"semi join ({quarantine.still_refused(table)}) using (_load_id, _row) "
            f"where _load_id <= {last}"
        )
        row = self.session.con.execute(
            "select count(*), count(*) filter (is_new) from judged_rows"
        ).fetchone()
        return (int(row[0]), int(row[1])) if row else (0, 0)

    def _make_parents(self, one: RawObject) -> None:
        """Show the keys of the accepted rows of the objects that the rules look up."""
        for name in one.parents:
            if name in self.parents:
                continue
            self.parents.add(name)
            rows = "select cast(null as varchar) as value where false"
            if name in self.objects:
                parent = self._table(name)
                key = f"nullif(trim({sql.quoted(self.objects[name].key)}), '')"
                rows = (
                    f"select distinct {key} as value from {parent.relation} "
                    f"anti join ({quarantine.still_refused(parent)}) using (_load_id, _row) "
                    f"where {key} is not null"
                )
            self.session.con.execute(f"create or replace temp table {accepted(name)} as {rows}")

    def _judge_object(self, one: RawObject, rows: int, new_rows: int) -> None:
        table = self._table(one.name)
        self._judge_rows(one, rows)
        newly_refused, released = quarantine.update(
            self.session.con, table, "judged_rows", "refused_rows", self.at
        )
        if new_rows:
            self.judged_up_to[one.name] = int(
                self.session.value(f"select max(_load_id) from {table.relation}")
            )
            judged = JudgedRows(
                table,
                one,
                self.columns[one.name],
                self.last_judged.get(one.name, 0),
                rows,
                new_rows,
            )
            self.outcomes += self.session.judge(tables.suite(self.session, judged, self.limits))
        received = self.session.count(table.relation)
        refused = self.session.count(f"({quarantine.still_refused(table)}) as kept")
        self.counts.append(
            RowCounts(
                table=one.name,
                received=received,
                accepted=received - refused,
                refused=refused,
                judged=rows,
                newly_refused=newly_refused,
                released=released,
            )
        )

    def _judge_rows(self, one: RawObject, rows: int) -> None:
        """Run the row rules and collect what they refuse in `refused_rows`."""
        suite = TableSuite(
            self.schema,
            one.name,
            "select * from judged_rows",
            tuple(rule.expectation() for rule in one.rules),
            rows,
        )
        found = self.session.judge(suite)
        self.outcomes += found
        self._collect(
            [
                rule
                for rule, outcome in zip(one.rules, found, strict=True)
                if rule.severity == "quarantine" and not outcome.success
            ]
        )

    def _collect(self, failing: list[RowRule]) -> None:
        """All rows that the failing rules find, each once with all its reasons."""
        selects = [
            f"select _load_id, _row, {position} as position, reason "
            f"from ({rule.query.format(batch='judged_rows')}) as failing"
            for position, rule in enumerate(failing)
        ]
        nothing = (
            "select cast(null as bigint) as _load_id, cast(null as bigint) as _row, "
            "0 as position, cast(null as varchar) as reason where false"
        )
        self.session.con.execute(
            "create or replace temp table refused_rows as select _load_id, _row, "
            "string_agg(reason, '; ' order by position) as reason "
            f"from ({' union all '.join(selects or [nothing])}) as failing group by all"
        )
