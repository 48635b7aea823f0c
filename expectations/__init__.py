"""Data-quality gates: Great Expectations suites between the layers, quarantine, and their docs.

No Dagster and no orchestration here; each gate is a function from a build database to a report.
"""

import os

# Great Expectations decides about telemetry when it is imported.
os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")

from expectations.g1_raw import judge_raw
from expectations.g2_core import judge_core
from expectations.g3_ml import judge_derived, judge_ml
from expectations.g4_marts import judge_marts
from expectations.report import GateError, GateReport, Outcome, RowCounts

__all__ = [
    "GateError",
    "GateReport",
    "Outcome",
    "RowCounts",
    "judge_core",
    "judge_derived",
    "judge_marts",
    "judge_ml",
    "judge_raw",
]
