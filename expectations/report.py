"""What a gate found: one outcome per expectation, and what became of the rows.

No judging and no storing here; the gates make reports, `ledger` and `data_docs` keep them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Literal, get_args

Severity = Literal["critical", "quarantine", "warning", "info"]
"""What a failed expectation leads to: `critical` stops what lies downstream, `quarantine` sets the
failing rows aside and goes on, `warning` and `info` only count."""

NOTHING_NEW = "nothing_new"
"""The expectation that a gate records when it found no row to judge."""

ACCEPT_ONCE = "docs/guides/quality-gates.md"
"""Where the way to let one odd load through is described."""

SEVERITIES: tuple[Severity, ...] = get_args(Severity)


class GateError(RuntimeError):
    """A gate could not judge; the message says what is missing and what to do."""


@dataclass(frozen=True)
class Outcome:
    """What one expectation found in one table.

    `observed` is a figure or a list of names, never a value of a row. `unexpected_count` counts
    the failing rows among `element_count`; both are None for an expectation that judges the table
    as a whole. `message` says what was expected and, on failure, the fix.
    """

    gate: str
    schema: str
    table: str
    expectation: str
    columns: tuple[str, ...]
    severity: Severity
    success: bool
    observed: str | None
    unexpected_count: int | None
    element_count: int | None
    message: str

    @property
    def blocks(self) -> bool:
        return self.severity == "critical" and not self.success


@dataclass(frozen=True)
class RowCounts:
    """Rows of one raw object after a judgement.

    `received` = `accepted` + `refused`, over everything that was ever loaded. `judged` rows were
    looked at this time; `newly_refused` went to quarantine and `released` left it this time.
    """

    table: str
    received: int
    accepted: int
    refused: int
    judged: int
    newly_refused: int
    released: int


@dataclass(frozen=True)
class GateReport:
    """The judgement of one gate over one system (G1) or one layer (G2 to G4)."""

    gate: str
    subject: str
    run_id: str
    as_of: date
    checked_at: datetime
    outcomes: tuple[Outcome, ...]
    counts: tuple[RowCounts, ...] = field(default=())

    @property
    def passed(self) -> bool:
        """Whether nothing critical failed, so that what lies downstream may go on."""
        return not any(outcome.blocks for outcome in self.outcomes)

    @property
    def failures(self) -> tuple[Outcome, ...]:
        """The outcomes that stop the run."""
        return tuple(outcome for outcome in self.outcomes if outcome.blocks)

    @property
    def findings(self) -> tuple[Outcome, ...]:
        """Whatever did not hold, worst first."""
        missed = [outcome for outcome in self.outcomes if not outcome.success]
        return tuple(sorted(missed, key=lambda outcome: SEVERITIES.index(outcome.severity)))

    @property
    def title(self) -> str:
        return f"{self.gate} {self.subject}"

    def describe(self) -> str:
        """The report in a few lines: the verdict, then one line for each finding."""
        if [outcome.expectation for outcome in self.outcomes] == [NOTHING_NEW]:
            return f"{self.title}: passed, nothing to judge"
        verdict = "passed" if self.passed else "failed"
        held = sum(outcome.success for outcome in self.outcomes)
        lines = [f"{self.title}: {verdict}, {held} of {len(self.outcomes)} expectations hold"]
        lines += [f"[{finding.severity}] {finding.message}" for finding in self.findings]
        return "\n".join(lines)
