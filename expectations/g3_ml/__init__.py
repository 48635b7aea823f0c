"""The third gate, between the predictions and the marts: may they be shown?

It is judged in two steps: the predictions of models first, then what is derived from them.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

from expectations.g3_ml import (
    anomaly,
    customers,
    drift,
    lead_score,
    next_action,
    opportunity_score,
    registry,
    revenue_forecast,
    scenario,
)
from expectations.g3_ml.predictions import LAYER
from expectations.layers import judge_layer
from expectations.report import GateReport
from expectations.runner import GateSession
from expectations.suites import TableSuite

Suites = Callable[[date], list[TableSuite]]

PREDICTIONS: tuple[Suites, ...] = (
    lead_score.suites,
    opportunity_score.suites,
    revenue_forecast.suites,
    customers.suites,
    registry.suites,
)
DERIVED: tuple[Suites, ...] = (
    anomaly.suites,
    next_action.suites,
    scenario.suites,
    drift.suites,
)


def judge_ml(database: Path, *, run_id: str, as_of: date) -> GateReport:
    """Judge the predictions of an evening and the models behind them.

    Args:
        database: the build database; the caller has no connection to it open.
        run_id: the run that the outcomes are recorded for.
        as_of: the evening that was predicted for.

    Raises:
        GateError: when the database is missing.
    """
    return _judge("G3", PREDICTIONS, database, run_id, as_of)


def judge_derived(database: Path, *, run_id: str, as_of: date) -> GateReport:
    """Judge what is derived from the predictions, as `judge_ml` judges those."""
    return _judge("G3_derived", DERIVED, database, run_id, as_of)


def _judge(
    gate: str, parts: tuple[Suites, ...], database: Path, run_id: str, as_of: date
) -> GateReport:
    def suites(session: GateSession, evening: date) -> list[TableSuite]:
        return [suite for part in parts for suite in part(evening)]

    return judge_layer(gate, LAYER, suites, (), database=database, run_id=run_id, as_of=as_of)
