"""Rules that say what to do next, as the seed `playbook_rules` holds them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import reduce
from typing import Literal

import polars as pl

EntityType = Literal["opportunity", "lead", "account"]
ENTITY_TYPES: tuple[EntityType, ...] = ("opportunity", "lead", "account")
CONDITION = re.compile(r"^(\w+)\s*(<=|>=|<>|=|<|>|in)\s*(.+)$")
PLACE = re.compile(r"\{(\w+)\}")

COMPARE: Mapping[str, Callable[[pl.Expr, object], pl.Expr]] = {
    "=": pl.Expr.eq,
    "<>": pl.Expr.ne,
    "<": pl.Expr.lt,
    "<=": pl.Expr.le,
    ">": pl.Expr.gt,
    ">=": pl.Expr.ge,
}


@dataclass(frozen=True)
class Condition:
    """One comparison of a signal with a value.

    Attributes:
        signal: column of the signals.
        operator: one of =, <>, <, <=, >, >=, in.
        values: what it is compared with; several after `in`.
    """

    signal: str
    operator: str
    values: tuple[bool | float | str, ...]

    def holds(self) -> pl.Expr:
        """True, false, or false where the signal is unknown."""
        signal = pl.col(self.signal)
        if self.operator == "in":
            return signal.is_in([str(value) for value in self.values]).fill_null(False)
        return COMPARE[self.operator](signal, self.values[0]).fill_null(False)


@dataclass(frozen=True)
class Rule:
    """One rule of the playbook; the attributes are the columns of the seed."""

    rule_code: str
    entity_type: EntityType
    conditions: tuple[Condition, ...]
    action: str
    channel: str
    due_business_days: int
    owner_role: str
    priority: int
    measured_by: str | None
    within_days: int
    quiet_days: int
    reason: str
    source_ids: str

    def holds(self, *, unless_about: frozenset[str] = frozenset()) -> pl.Expr:
        """Whether all conditions hold.

        Args:
            unless_about: conditions about these signals are passed over.
        """
        conditions = [one.holds() for one in self.conditions if one.signal not in unless_about]
        return reduce(lambda left, right: left & right, conditions, pl.lit(True))

    def signals(self) -> set[str]:
        """Every signal that conditions and reason name."""
        return {one.signal for one in self.conditions} | set(PLACE.findall(self.reason))


def read_rules(seed: pl.DataFrame) -> list[Rule]:
    """The rules of the seed, by priority and code.

    Raises:
        ValueError: a kind of entity, a condition or an action's trace can't be read.
    """
    rules = [
        Rule(
            rule_code=row["rule_code"],
            entity_type=_entity_type(row["rule_code"], row["entity_type"]),
            conditions=conditions_of(row["rule_code"], row["conditions"] or ""),
            action=row["action"],
            channel=row["channel"],
            due_business_days=row["due_business_days"],
            owner_role=row["owner_role"],
            priority=row["priority"],
            measured_by=row["measured_by"] or None,
            within_days=row["within_days"],
            quiet_days=row["quiet_days"],
            reason=row["reason"],
            source_ids=row["source_ids"] or "",
        )
        for row in seed.iter_rows(named=True)
    ]
    return sorted(rules, key=lambda rule: (rule.priority, rule.rule_code))


def conditions_of(rule_code: str, text: str) -> tuple[Condition, ...]:
    """Conditions parted by semicolons, such as `stage_order >= 3; has_champion = false`.

    Raises:
        ValueError: one of them can't be read.
    """
    conditions: list[Condition] = []
    for part in filter(None, (one.strip() for one in text.split(";"))):
        match = CONDITION.match(part)
        if match is None:
            raise ValueError(
                f"seeds/playbook_rules.csv, rule {rule_code}: can't read the condition {part!r}; "
                "write it as: signal, one of = <> < <= > >= in, value."
            )
        signal, operator, value = match.groups()
        given = value.split("|") if operator == "in" else [value]
        values = tuple(_value(one.strip()) for one in given)
        if operator in {"<", "<=", ">", ">="} and not isinstance(values[0], float):
            raise ValueError(
                f"seeds/playbook_rules.csv, rule {rule_code}: {part!r} compares with "
                f"{value!r}, which is no number."
            )
        conditions.append(Condition(signal, operator, values))
    return tuple(conditions)


def check_signals(rules: list[Rule], entity_type: EntityType, columns: list[str]) -> None:
    """See that every signal that rules name is there.

    Raises:
        ValueError: a rule names one that isn't.
    """
    for rule in rules:
        unknown = sorted(rule.signals() - set(columns)) if rule.entity_type == entity_type else []
        if unknown:
            raise ValueError(
                f"seeds/playbook_rules.csv, rule {rule.rule_code}: {entity_type} has no signal "
                f"{', '.join(unknown)}; there are {', '.join(sorted(columns))}."
            )


def _entity_type(rule_code: str, text: str) -> EntityType:
    for known in ENTITY_TYPES:
        if text == known:
            return known
    raise ValueError(
        f"seeds/playbook_rules.csv, rule {rule_code}: entity_type {text!r} is none of "
        f"{', '.join(ENTITY_TYPES)}."
    )


def _value(text: str) -> bool | float | str:
    if text in {"true", "false"}:
        return text == "true"
    try:
        return float(text)
    except ValueError:
        return text
