"""Rules that a single raw row keeps or breaks, each with the reason that a refused row is given.

A rule becomes a Great Expectations expectation whose query lists the failing rows, all of them;
the gate runs that same query to fill the quarantine. Which object has which rules is said in
`g1_raw`, not here.

Rules read text: raw columns hold what stood in the file, trimmed, with blanks as null.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from expectations import sql
from expectations.report import Severity
from expectations.suites import no_rows

if TYPE_CHECKING:
    from great_expectations.expectations.expectation import BatchExpectation

KEY = "_load_id, _row"
"""What identifies a raw row: the load that brought it and its position there."""

KNOWN_STAGES = "known_stages"
KNOWN_CURRENCIES = "known_currencies"
"""Temporary tables with one column `value`, made by the gate before it judges: stages in lower
case, currencies in upper case."""


@dataclass(frozen=True)
class RowRule:
    """One rule for the rows of one object.

    Attributes:
        name: the expectation's name, such as `stage_known`.
        columns: the raw columns that the rule reads.
        fails_when: SQL condition of a failing row.
        reason: SQL text expression: what is wrong with a failing row and how to mend it. It may
            show ids and codes, never a person's data.
        says: what holds for a good row, as a sentence without full stop.
        fix: what to do about failing rows, as a sentence.
        severity: `quarantine` sets failing rows aside, `warning` counts them.
        parent: the object whose accepted rows the rule looks up, if it does.
    """

    name: str
    columns: tuple[str, ...]
    fails_when: str
    reason: str
    says: str
    fix: str
    severity: Severity = "quarantine"
    parent: str | None = None

    @property
    def query(self) -> str:
        """The failing rows with their reasons; `{batch}` stands for the judged rows."""
        return f"select {KEY}, {self.reason} as reason from {{batch}} where {self.fails_when}"

    def expectation(self) -> BatchExpectation:
        return no_rows(
            self.name,
            self.query,
            columns=self.columns,
            says=self.says,
            fix=self.fix,
            severity=self.severity,
        )


def accepted(parent: str) -> str:
    """The temporary table with the keys (column `value`) of the accepted rows of an object."""
    return sql.quoted(f"accepted_{parent}")


def _sentence(column: str, is_wrong: str, fix: str) -> str:
    return f"{sql.literal(column + ' ')} || {is_wrong} || {sql.literal(': ' + fix)}"


def present(column: str, fix: str, severity: Severity = "quarantine") -> RowRule:
    """The column has a value."""
    return RowRule(
        name="not_missing",
        columns=(column,),
        fails_when=f"{sql.quoted(column)} is null",
        reason=sql.literal(f"{column} is missing: {fix}"),
        says=f"{column} is given",
        fix=_capital(fix),
        severity=severity,
    )


def key(column: str) -> RowRule:
    """The record has its id."""
    return present(column, f"export the records with their {column}")


def any_present(columns: Sequence[str], fix: str, severity: Severity = "quarantine") -> RowRule:
    """At least one of the columns has a value."""
    names = ", ".join(columns)
    return RowRule(
        name="not_all_missing",
        columns=tuple(columns),
        fails_when=f"coalesce({', '.join(sql.quoted(c) for c in columns)}) is null",
        reason=sql.literal(f"{names} are all missing: {fix}"),
        says=f"{' or '.join(columns)} is given",
        fix=_capital(fix),
        severity=severity,
    )


def timestamp(
    column: str, *, required: bool = False, epoch: bool = False, severity: Severity = "quarantine"
) -> RowRule:
    """The column holds a point in time: ISO 8601, with `epoch` also milliseconds since 1970."""
    text = sql.quoted(column)
    value = sql.timestamp(text)
    fix = "send ISO 8601 such as 2026-01-31T14:05:06Z"
    if epoch:
        value = f"coalesce({value}, {sql.epoch_millis(text)})"
        fix += ", or milliseconds since 1970"
    return _typed(
        "timestamp_readable",
        column,
        "time",
        sql.plausible(value, "timestamptz"),
        fix,
        required,
        severity,
    )


def day(column: str, *, required: bool = False, severity: Severity = "quarantine") -> RowRule:
    """The column holds a calendar day."""
    readable = sql.plausible(sql.day(sql.quoted(column)), "date")
    fix = "send YYYY-MM-DD"
    return _typed("date_readable", column, "date", readable, fix, required, severity)


def json(column: str, severity: Severity = "quarantine") -> RowRule:
    """The column holds JSON."""
    readable = f"json_valid({sql.quoted(column)})"
    return _typed(
        "json_readable",
        column,
        "JSON",
        readable,
        "export the nested value as JSON",
        False,
        severity,
    )


def _typed(
    name: str,
    column: str,
    kind: str,
    readable: str,
    fix: str,
    required: bool,
    severity: Severity,
) -> RowRule:
    text = sql.quoted(column)
    says = f"{column} is a {kind}" + ("" if required else " where it is given")
    unreadable = f"{sql.literal(f'is no {kind}, ')} || {sql.shape(text)}"
    wrong = f"case when {text} is null then 'is missing' else {unreadable} end"
    fails_when = f"not {readable}"
    if not required:
        fails_when = f"{text} is not null and {fails_when}"
    return RowRule(
        name, (column,), fails_when, _sentence(column, wrong, fix), says, _capital(fix), severity
    )


def number(
    column: str,
    *,
    minimum: float | None = None,
    above: float | None = None,
    maximum: float | None = None,
    required: bool = False,
    severity: Severity = "quarantine",
    when: str | None = None,
) -> RowRule:
    """The column holds a number in a range.

    Args:
        column: the raw column.
        minimum: the least value allowed.
        above: a bound that every value exceeds.
        maximum: the greatest value allowed.
        required: whether a missing value fails.
        severity: what a failing row leads to.
        when: SQL condition of the rows that the rule concerns; by default all.
    """
    text = sql.quoted(column)
    value = sql.number(text)
    limits: list[tuple[str, str]] = []
    if minimum is not None:
        limits.append((f"{value} < {minimum:g}", _below(minimum)))
    if above is not None:
        limits.append((f"{value} <= {above:g}", f"is not above {above:g}"))
    if maximum is not None:
        limits.append((f"{value} > {maximum:g}", f"is above {maximum:g}"))
    fix = f"send a plain number{_range(minimum, above, maximum)}"
    cases = "".join(f" when {broken} then {sql.literal(wrong)}" for broken, wrong in limits)
    wrong = (
        f"case when {text} is null then 'is missing' "
        f"when {value} is null then 'is no number, ' || {sql.shape(text)}{cases} end"
    )
    broken = " or ".join([f"{value} is null", *(condition for condition, _ in limits)])
    fails_when = f"({broken})" if required else f"({text} is not null and ({broken}))"
    if when is not None:
        fails_when = f"({when}) and {fails_when}"
    return RowRule(
        name="number_in_range" if limits else "number_readable",
        columns=(column,),
        fails_when=fails_when,
        reason=_sentence(column, wrong, fix),
        says=f"{column} is a number{_range(minimum, above, maximum)}"
        + ("" if required else " where it is given"),
        fix=_capital(fix),
        severity=severity,
    )


def size(column: str) -> RowRule:
    """The column holds a number of people, or a range such as 201-500; anything else counts."""
    text = sql.quoted(column)
    fix = "send a whole number or a range such as 201-500"
    return RowRule(
        name="size_readable",
        columns=(column,),
        fails_when=f"not regexp_matches({text}, '^[0-9]')",
        reason=_sentence(column, f"'is no number of people, ' || {sql.shape(text)}", fix),
        says=f"{column} is a number of people where it is given",
        fix=_capital(fix),
        severity="warning",
    )


def _below(minimum: float) -> str:
    return "is negative" if minimum == 0 else f"is below {minimum:g}"


def _range(minimum: float | None, above: float | None, maximum: float | None) -> str:
    if minimum is not None and maximum is not None:
        return f" from {minimum:g} to {maximum:g}"
    if minimum is not None:
        return f" from {minimum:g}"
    if above is not None:
        return f" above {above:g}"
    return "" if maximum is None else f" up to {maximum:g}"


def one_of(column: str, values: Sequence[str], severity: Severity = "quarantine") -> RowRule:
    """The column holds one of a fixed list of codes, in any case."""
    text = sql.quoted(column)
    listed = ", ".join(sql.literal(value.lower()) for value in values)
    fix = "correct it in the source, or declare the new value in expectations/g1_raw"
    return RowRule(
        name="value_known",
        columns=(column,),
        fails_when=f"{text} is not null and lower({text}) not in ({listed})",
        reason=_sentence(column, f"{sql.shown(text)} || ' is not known'", fix),
        says=f"{column} is one of {', '.join(values)}",
        fix=_capital(fix),
        severity=severity,
    )


def stage(column: str, map_name: str, *, when: str | None = None) -> RowRule:
    """The column holds a stage, in any case, that the stage map knows (`map_name` says where)."""
    fix = f"add the stage to {map_name}, or correct it in the source"
    code = f"lower({sql.quoted(column)})"
    return _looked_up("stage_known", column, code, KNOWN_STAGES, "the stage map", fix, when)


def currency(column: str, list_name: str, *, required: bool = False) -> RowRule:
    """The column holds a currency that the list knows (`list_name` says where that is)."""
    fix = f"add the currency to {list_name}, or correct it in the source"
    text = sql.quoted(column)
    code = f"upper({text})"
    said = "the currency list"
    rule = _looked_up("currency_known", column, code, KNOWN_CURRENCIES, said, fix, None)
    if not required:
        return rule
    missing = f"case when {text} is null then {sql.literal(f'{column} is missing: {fix}')}"
    return RowRule(
        rule.name,
        rule.columns,
        f"{text} is null or {rule.fails_when}",
        f"{missing} else {rule.reason} end",
        rule.says,
        rule.fix,
    )


def _looked_up(
    name: str, column: str, code: str, table: str, said: str, fix: str, when: str | None
) -> RowRule:
    text = sql.quoted(column)
    fails_when = f"{text} is not null and {code} not in (select value from {table})"
    return RowRule(
        name=name,
        columns=(column,),
        fails_when=fails_when if when is None else f"({when}) and {fails_when}",
        reason=_sentence(column, f"{sql.shown(text)} || {sql.literal(f' is not in {said}')}", fix),
        says=f"{column} is in {said}",
        fix=_capital(fix),
    )


def child_of(
    column: str,
    parent: str,
    *,
    required: bool = True,
    if_any: bool = False,
    severity: Severity = "quarantine",
) -> RowRule:
    """The column holds the id of an accepted row of another object of the same system.

    Args:
        column: the raw column.
        parent: the other object.
        required: whether a missing id fails.
        if_any: whether to accept any id as long as the other object has no rows at all.
        severity: what a failing row leads to.
    """
    text = sql.quoted(column)
    orphan = f"{text} not in (select value from {accepted(parent)})"
    if if_any:
        orphan = f"({orphan} and exists (select 1 from {accepted(parent)}))"
    fix = f"load the {parent} record, or correct the reference"
    wrong = (
        f"case when {text} is null then 'is missing' "
        f"else {sql.shown(text)} || {sql.literal(f' is not among the accepted {parent} rows')} end"
    )
    broken = f"({text} is null or {orphan})" if required else f"{text} is not null and {orphan}"
    return RowRule(
        name="parent_accepted" if severity == "quarantine" else "parent_known",
        columns=(column,),
        fails_when=broken,
        reason=_sentence(column, wrong, fix),
        says=f"{column} is the id of an accepted {parent} row",
        fix=_capital(fix),
        severity=severity,
        parent=parent,
    )


def email(column: str, *, key: str | None = None) -> RowRule:
    """The column, or the `key` of its JSON, looks like an e-mail address; a malformed one counts.

    An unusable address is kept as it is: the record is still worth having without it.
    """
    text = sql.quoted(column)
    if key is not None:
        text = f"json_extract_string(try_cast({text} as json), '$.{key}')"
    name = column if key is None else f"{column}.{key}"
    fix = "correct the address in the source; until then nothing is matched by it"
    return RowRule(
        name="email_well_formed",
        columns=(column,),
        fails_when=f"trim({text}) <> '' and not regexp_full_match(lower(trim({text})), "
        "'[a-z0-9._%+-]+@[a-z0-9-]+([.][a-z0-9-]+)*[.][a-z][a-z]+')",
        reason=sql.literal(f"{name} is no e-mail address: {fix}"),
        says=f"{name} is an e-mail address where it is given",
        fix=_capital(fix),
        severity="warning",
    )


def in_order(first: str, second: str, severity: Severity = "quarantine") -> RowRule:
    """Where both columns hold a time, the second is not before the first."""
    fix = f"correct {first} or {second} in the source"
    return RowRule(
        name="times_in_order",
        columns=(first, second),
        fails_when=f"{sql.timestamp(sql.quoted(second))} < {sql.timestamp(sql.quoted(first))}",
        reason=sql.literal(f"{second} is before {first}: {fix}"),
        says=f"{second} is not before {first}",
        fix=_capital(fix),
        severity=severity,
    )


def _capital(fix: str) -> str:
    return fix[:1].upper() + fix[1:] + "."
