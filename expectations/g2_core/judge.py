"""The second gate, between core and the predictions: is the star schema whole and is it right?

dbt tests the models one by one; this gate stops the run and compares core with raw and with the
last run.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

from expectations.g2_core.activities import activities
from expectations.g2_core.credits import credits
from expectations.g2_core.deals import histories, opportunities, parts
from expectations.g2_core.dimensions import dimensions
from expectations.g2_core.totals import totals
from expectations.g2_core.vocabulary import LAYER
from expectations.layers import MOST_DROPPED, judge_layer
from expectations.report import GateReport
from expectations.runner import GateSession
from expectations.suites import TableSuite

GATE = "G2"

COUNTED = (
    "dim_account",
    "dim_contact",
    "dim_lead",
    "dim_user",
    "dim_product",
    "dim_campaign",
    "fct_opportunity",
    "fct_opportunity_event",
    "fct_opportunity_stage_span",
    "fct_opportunity_daily",
    "fct_opportunity_line",
    "fct_opportunity_split",
    "fct_activity",
    "fct_conversation",
    "fct_conversation_action",
    "fct_email_event",
    "fct_touchpoint",
    "fct_campaign_member",
    "fct_forecast_submission",
    "fct_quota",
)


def judge_core(
    database: Path, *, run_id: str, as_of: date, most_dropped: float = MOST_DROPPED
) -> GateReport:
    """Judge the star schema.

    Args:
        database: the build database; the caller has no connection to it open.
        run_id: the run that the outcomes are recorded for.
        as_of: the evening that core was built for.
        most_dropped: greatest share of its rows that a table may lose since the last run.

    Raises:
        GateError: when the database is missing.
    """
    return judge_layer(
        GATE,
        LAYER,
        _suites,
        COUNTED,
        database=database,
        run_id=run_id,
        as_of=as_of,
        most_dropped=most_dropped,
    )


def _suites(session: GateSession, as_of: date) -> list[TableSuite]:
    return [
        *dimensions(as_of),
        opportunities(as_of),
        *histories(as_of),
        *parts(),
        *credits(),
        *activities(as_of),
        *totals(session, as_of),
    ]
