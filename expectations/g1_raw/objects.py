"""What a raw object is to the first gate: its key, its rules, what its export must hold."""

from __future__ import annotations

from dataclasses import dataclass

from expectations.row_rules import RowRule

STAGE_MAP = "seeds/stages.csv"
CURRENCY_LIST = "seeds/currencies.csv"


@dataclass(frozen=True)
class RawObject:
    """One raw object and what is expected of its rows.

    Attributes:
        name: the object, as its raw table is named.
        key: the column with the id of a record.
        rules: what each row is held to.
        required: columns that every export of the object has and fills.
        versioned_by: the column that tells versions of a record apart, if there is one.
        recorded_at: the column with the time at which the source recorded a row, if there is one;
            volume is counted by its days.
    """

    name: str
    key: str
    rules: tuple[RowRule, ...]
    required: tuple[str, ...]
    versioned_by: str | None = None
    recorded_at: str | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column that the gate reads, each once."""
        named = [self.key, *self.required, self.versioned_by, self.recorded_at]
        named += [column for rule in self.rules for column in rule.columns]
        return tuple(dict.fromkeys(column for column in named if column is not None))

    @property
    def parents(self) -> tuple[str, ...]:
        """The objects whose accepted rows the rules look up, each once."""
        return tuple(dict.fromkeys(rule.parent for rule in self.rules if rule.parent is not None))
