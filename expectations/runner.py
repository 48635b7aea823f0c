"""Opens the build database for a gate, runs suites on it and turns results into outcomes.

The session owns its one connection: everything of a gate sees the same temporary tables, and
closing the session releases the file, whatever Great Expectations still refers to.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from expectations.report import GateError, Outcome
from expectations.suites import TableSuite

if TYPE_CHECKING:
    from expectations.engine import Engine, Result


class GateSession:
    """One connection to the build database, for a gate's own SQL and for Great Expectations."""

    def __init__(self, gate: str, con: duckdb.DuckDBPyConnection) -> None:
        self.gate = gate
        self.con = con

    @cached_property
    def engine(self) -> Engine:
        # Made when it is needed: Great Expectations takes seconds to import.
        return import_module("expectations.engine").Engine(self.con)

    def judge(self, suite: TableSuite) -> list[Outcome]:
        """Run a table's suite; one outcome per expectation, in the order of the suite.

        A table that cannot be read gives one critical failure in their place; an expectation that
        cannot be evaluated fails.
        """
        if not suite.expectations:
            return []
        try:
            results = self.engine.validate(
                f"{self.gate} {suite.name}", suite.query, suite.expectations
            )
        except duckdb.CatalogException:
            return [self._unreadable(suite, "it, or what it is compared with, does not exist")]
        except duckdb.BinderException as error:
            return [self._unreadable(suite, str(error).splitlines()[0])]
        rows = self.count("judged_batch") if suite.rows is None else suite.rows
        return [self._outcome(suite, result, rows) for result in results]

    def judge_all(self, suites: Iterable[TableSuite]) -> list[Outcome]:
        return [outcome for suite in suites for outcome in self.judge(suite)]

    def count(self, relation: str) -> int:
        return int(self.value(f"select count(*) from {relation}"))

    def value(self, query: str, parameters: Sequence[object] = ()) -> Any:
        """The single value that a query gives."""
        row = self.con.execute(query, list(parameters)).fetchone()
        if row is None:
            raise GateError(f"a query of the gate gave no row: {query}")
        return row[0]

    def columns_of(self, schema: str) -> dict[str, tuple[str, ...]]:
        """The columns, in order, of each table and view of a schema."""
        found: dict[str, tuple[str, ...]] = {}
        for table, column in self.con.execute(
            "select table_name, column_name from duckdb_columns() "
            "where database_name = current_database() and schema_name = ? "
            "order by table_name, column_index",
            [schema],
        ).fetchall():
            found[str(table)] = (*found.get(str(table), ()), str(column))
        return found

    def _unreadable(self, suite: TableSuite, why: str) -> Outcome:
        return Outcome(
            gate=self.gate,
            schema=suite.schema,
            table=suite.table,
            expectation="table_readable",
            columns=(),
            severity="critical",
            success=False,
            observed=None,
            unexpected_count=None,
            element_count=None,
            message=f"{suite.name} cannot be read ({why}). Build the layer that makes it, and "
            "judge again.",
        )

    def _outcome(self, suite: TableSuite, result: Result, rows: int) -> Outcome:
        of_rows = result.unexpected_count is not None
        table = result.meta["table"] or suite.table
        return Outcome(
            gate=self.gate,
            schema=suite.schema,
            table=table,
            expectation=result.meta["name"],
            columns=tuple(result.meta["columns"]),
            severity=result.meta["severity"],
            success=result.success,
            observed=result.observed,
            unexpected_count=result.unexpected_count,
            element_count=rows if of_rows else None,
            message=f"{suite.schema}.{table}: {result.meta['says']}{_finding(result, rows)}",
        )


def _finding(result: Result, rows: int) -> str:
    if result.success:
        return ""
    fix = result.meta["fix"]
    if result.error is not None:
        return f": could not be judged ({result.error}). {fix}"
    if result.unexpected_count is not None:
        return f": not so for {result.unexpected_count} of {rows} rows. {fix}"
    return f": found {result.observed}. {fix}"


@contextmanager
def opened(gate: str, database: Path) -> Generator[GateSession, None, None]:
    """Open the build database for one gate; leaving the context releases the file.

    Args:
        gate: the gate's name, such as `G1`.
        database: the build database. No other process may have it open, and no connection of this
            process with other settings.

    Raises:
        GateError: when the database does not exist.
    """
    if not database.is_file():
        raise GateError(f"{gate}: no database at {database}; load the sources first")
    con = duckdb.connect(str(database))
    try:
        con.execute("set enable_progress_bar = false; set timezone = 'UTC'")
        yield GateSession(gate, con)
    finally:
        con.close()


def now() -> datetime:
    """The moment of judging, UTC; it is recorded and never decides anything."""
    return datetime.now(UTC).replace(tzinfo=None, microsecond=0)
