"""Names and texts that the suites of core share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from expectations.suites import TableSuite

if TYPE_CHECKING:
    from great_expectations.expectations.expectation import BatchExpectation

LAYER = "core"

STAGES = (
    "Prospecting",
    "Qualification",
    "Discovery",
    "Solution Design",
    "Proposal",
    "Negotiation",
    "Closed Won",
    "Closed Lost",
)
FORECAST_CATEGORIES = ("pipeline", "best_case", "commit", "closed", "omitted")
ACTIVITY_TYPES = ("email", "call", "meeting", "task", "event")

FIX_KEY = "Look at the model that makes the id, and for records that two loads give differently."
FIX_MISSING = "Look at the staging model of the source that gives no value, and at the first gate."
FIX_RANGE = "Look at the staging model that reads the value, and for its rule in the first gate."
FIX_KNOWN = "Map the value in the intermediate model or its seed."
FIX_PARENT = "Add the missing member to the dimension's inferred members."
FIX_CLOCK = "A model reads what was recorded after as_of_date: restrict it by as_of_end()."
FIX_ORDER = "Look at the order of versions or events in the model."


def table(name: str, *expectations: BatchExpectation) -> TableSuite:
    """The suite of a whole table of core."""
    return TableSuite(LAYER, name, f"select * from {LAYER}.{name}", expectations)
