"""The expectations that suites are made of, each with its severity, what it says and the fix.

A suite is plain Great Expectations: what else a report needs travels in the expectation's meta.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

from expectations.report import Severity

if TYPE_CHECKING:
    from great_expectations.expectations.expectation import BatchExpectation

_GX_SEVERITY: dict[Severity, str] = {
    "critical": "critical",
    "quarantine": "warning",
    "warning": "warning",
    "info": "info",
}
_OWN = "ExpectNoFailingRows"


@dataclass(frozen=True)
class TableSuite:
    """What is expected of one table.

    Attributes:
        schema: schema of the table, as reports name it.
        table: its name.
        query: the rows to judge, as a select.
        expectations: what is expected of them.
        rows: how many rows the query gives, where that is known.
    """

    schema: str
    table: str
    query: str
    expectations: tuple[BatchExpectation, ...]
    rows: int | None = None

    @property
    def name(self) -> str:
        return f"{self.schema}.{self.table}"


def described(
    kind: str,
    *,
    columns: Sequence[str] = (),
    says: str,
    fix: str,
    severity: Severity = "critical",
    name: str | None = None,
    table: str | None = None,
    **arguments: object,
) -> BatchExpectation:
    """An expectation of Great Expectations with what a report says about it.

    Args:
        kind: its class, such as `ExpectColumnValuesToNotBeNull`.
        columns: the columns that it is about, for the report.
        says: what holds when it succeeds, as a sentence without full stop.
        fix: what to do when it fails, as a sentence.
        severity: what a failure leads to.
        name: the name in reports; by default the expectation's own type.
        table: the table that it is about, when it is not the suite's.
        arguments: the expectation's own arguments.
    """
    # Great Expectations takes seconds to import, and many a process only names the gates.
    own = "expectations.failing_rows"
    module = import_module(own if kind == _OWN else "great_expectations.expectations")
    expectation = getattr(module, kind)(**arguments, severity=_GX_SEVERITY[severity])
    expectation.meta = {
        "name": name or expectation.expectation_type,
        "table": table,
        "columns": list(columns),
        "severity": severity,
        "says": says,
        "fix": fix,
    }
    return expectation


def no_rows(
    name: str,
    query: str,
    *,
    columns: Sequence[str] = (),
    says: str,
    fix: str,
    severity: Severity = "critical",
    table: str | None = None,
) -> BatchExpectation:
    """A query of the failing rows, `{batch}` standing for the judged rows, finds none."""
    return described(
        _OWN,
        name=name,
        columns=columns,
        says=says,
        fix=fix,
        severity=severity,
        table=table,
        unexpected_rows_query=query,
    )


def not_null(column: str, fix: str, severity: Severity = "critical") -> BatchExpectation:
    """The column is never null."""
    return described(
        "ExpectColumnValuesToNotBeNull",
        columns=(column,),
        says=f"{column} is never null",
        fix=fix,
        severity=severity,
        column=column,
    )


def unique(columns: Sequence[str], fix: str) -> BatchExpectation:
    """No two rows have the same value, or combination of values."""
    if len(columns) == 1:
        return described(
            "ExpectColumnValuesToBeUnique",
            columns=columns,
            says=f"{columns[0]} is unique",
            fix=fix,
            column=columns[0],
        )
    return described(
        "ExpectCompoundColumnsToBeUnique",
        columns=columns,
        says=f"{', '.join(columns)} together are unique",
        fix=fix,
        column_list=list(columns),
    )


def between(
    column: str,
    minimum: float | None,
    maximum: float | None,
    fix: str,
    severity: Severity = "critical",
) -> BatchExpectation:
    """Every value that is there lies in the closed range."""
    if maximum is None:
        says = f"{column} is at least {minimum}"
    elif minimum is None:
        says = f"{column} is at most {maximum}"
    else:
        says = f"{column} is from {minimum} to {maximum}"
    return described(
        "ExpectColumnValuesToBeBetween",
        columns=(column,),
        says=says,
        fix=fix,
        severity=severity,
        column=column,
        min_value=minimum,
        max_value=maximum,
    )


def in_set(
    column: str, values: Sequence[str], fix: str, severity: Severity = "critical"
) -> BatchExpectation:
    """Every value that is there is one of the list."""
    return described(
        "ExpectColumnValuesToBeInSet",
        columns=(column,),
        says=f"{column} is one of {', '.join(values)}",
        fix=fix,
        severity=severity,
        column=column,
        value_set=list(values),
    )


def not_after(
    first: str, second: str, fix: str, severity: Severity = "critical"
) -> BatchExpectation:
    """Where both columns have a value, the first is not greater than the second."""
    return described(
        "ExpectColumnPairValuesAToBeGreaterThanB",
        columns=(first, second),
        says=f"{first} is not greater than {second}",
        fix=fix,
        severity=severity,
        column_A=second,
        column_B=first,
        or_equal=True,
        ignore_row_if="either_value_is_missing",
    )


def resolves(column: str, relation: str, key: str, fix: str) -> BatchExpectation:
    """Every value that is there is a key of another table."""
    return no_rows(
        "reference_resolves",
        f"select * from {{batch}} where {column} is not null "
        f"and {column} not in (select {key} from {relation} where {key} is not null)",
        columns=(column,),
        says=f"every {column} is in {relation}",
        fix=fix,
    )


def figure(
    name: str,
    column: str,
    *,
    minimum: float | None = None,
    maximum: float | None = None,
    columns: Sequence[str] = (),
    says: str,
    fix: str,
    severity: Severity = "critical",
) -> BatchExpectation:
    """The one figure that a column of a single row holds lies in the closed range.

    Args:
        name: the expectation's name in reports.
        column: the column with the figure.
        minimum: least value allowed.
        maximum: greatest value allowed.
        columns: the columns of the judged table that the figure is about.
        says: what holds when it succeeds.
        fix: what to do when it fails.
        severity: what a failure leads to.
    """
    return described(
        "ExpectColumnMaxToBeBetween",
        name=name,
        columns=columns,
        says=says,
        fix=fix,
        severity=severity,
        column=column,
        min_value=minimum,
        max_value=maximum,
    )
