"""Which KPIs are watched, how each is spread, and over how many weeks it is judged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Family = Literal["count", "share", "amount", "mean"]


@dataclass(frozen=True)
class Kpi:
    """One KPI.

    Attributes:
        metric: its name in weekly_kpis.sql.
        label: what an explanation calls it.
        family: how it is spread around its expectation. `count` events (negative binomial),
            `share` of cases (beta-binomial), `amount` of money (its logarithm, Student's t),
            `mean` of cases (Student's t).
        window_weeks: weeks that one judged figure spans; what is rare needs four.
    """

    metric: str
    label: str
    family: Family
    window_weeks: int


KPIS: tuple[Kpi, ...] = (
    Kpi("activities", "activities", "count", 1),
    Kpi("inbound_emails", "inbound e-mails", "count", 1),
    Kpi("meetings_held", "meetings held", "count", 1),
    Kpi("meetings_missed_rate", "share of meetings cancelled or missed", "share", 1),
    Kpi("calls_connected_rate", "share of outbound calls that connected", "share", 1),
    Kpi("leads_created", "leads created", "count", 1),
    Kpi("leads_converted", "leads converted", "count", 4),
    Kpi("leads_answered_rate", "share of leads answered within three days", "share", 1),
    Kpi("opportunities_created", "opportunities created", "count", 1),
    Kpi("pipeline_created_amount", "pipeline created", "amount", 1),
    Kpi("stage_advances", "stage advances", "count", 1),
    Kpi("stage_regressions", "steps back in stage", "count", 4),
    Kpi("pushes", "pushes of close dates", "count", 1),
    Kpi("deals_won", "deals won", "count", 4),
    Kpi("deals_lost", "deals lost", "count", 4),
    Kpi("bookings_amount", "bookings", "amount", 4),
    Kpi("win_rate", "win rate", "share", 4),
    Kpi("discount_rate", "mean discount on lines of deals won", "mean", 4),
)
