"""The fourth gate, before publishing: do the marts cover the evening, and agree with core?"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from expectations.layers import MOST_DROPPED, judge_layer
from expectations.report import GateReport
from expectations.runner import GateSession
from expectations.suites import TableSuite, between, no_rows, not_null, unique

if TYPE_CHECKING:
    from great_expectations.expectations.expectation import BatchExpectation

GATE = "G4"
LAYER = "marts"

KEYS = {
    "mart_activity": (
        "date_day",
        "user_id",
        "activity_type",
        "activity_subtype",
        "channel",
        "direction",
        "segment",
        "region",
        "team",
        "manager_user_id",
    ),
    "mart_best_practice": ("behaviour", "segment"),
    "mart_capacity": ("user_id", "month_start"),
    "mart_coaching": ("user_id", "week_start", "gap"),
    "mart_coverage": ("date_day", "node_type", "node_id", "close_period_start"),
    "mart_deal_inspection": ("opportunity_id",),
    "mart_deal_risk": ("opportunity_id", "date_day"),
    "mart_deal_risk_backtest": ("outcome", "flag", "scope", "snapshot_date"),
    "mart_engagement": (
        "period_type",
        "period_start",
        "segment_type",
        "segment",
        "channel",
        "activity_type",
        "engagement_type",
        "is_automated",
    ),
    "mart_exec_kpi": ("period_type", "period_start", "segment_type", "segment", "kpi"),
    "mart_forecast_accuracy": (
        "period_start",
        "node_type",
        "node_id",
        "weeks_to_close",
        "forecaster",
    ),
    "mart_forecast_call": ("snapshot_date", "period_start", "category", "user_id"),
    "mart_forecast_deal": ("snapshot_date", "opportunity_id"),
    "mart_forecast_rollup": (
        "period_start",
        "snapshot_date",
        "hierarchy",
        "node_type",
        "node_id",
        "category",
    ),
    "mart_lead_funnel": ("cohort_type", "cohort_start", "source_type", "source", "stage"),
    "mart_lead_response": ("lead_id",),
    "mart_pipeline_daily": (
        "date_day",
        "owner_user_id",
        "stage",
        "forecast_category",
        "close_period_start",
    ),
    "mart_pipeline_health": ("date_day", "hierarchy", "node_type", "node_id"),
    "mart_pipeline_health_part": ("date_day", "hierarchy", "node_type", "node_id", "part"),
    "mart_pipeline_pacing": ("date_day", "hierarchy", "node_type", "node_id"),
    "mart_pipeline_slippage": (
        "period_type",
        "period_start",
        "hierarchy",
        "node_type",
        "node_id",
    ),
    "mart_pipeline_waterfall": (
        "period_type",
        "from_date",
        "to_date",
        "scope",
        "hierarchy",
        "node_type",
        "node_id",
        "bucket",
    ),
    "mart_process_adherence": ("opportunity_id", "stage"),
    "mart_process_effect": ("stage", "criterion_code", "segment_type", "segment"),
    "mart_quota_attainment": ("user_id", "measure", "period_start", "period_end"),
    "mart_rep_behaviour": ("user_id", "week_start", "behaviour", "stage"),
    "mart_rep_scorecard": ("user_id", "period_type", "period_start"),
    "mart_sales_velocity": ("period_type", "period_start", "segment_type", "segment"),
    "mart_stage_conversion": ("period_type", "period_start", "segment_type", "segment", "stage"),
    "mart_stage_velocity": ("period_type", "period_start", "segment_type", "segment", "stage"),
    "mart_target_vs_actual": (
        "target_id",
        "period_type",
        "period_name",
        "node_type",
        "node_id",
    ),
    "mart_win_rate": ("period_type", "period_start", "segment_type", "segment", "basis"),
    "mart_win_rate_curve": ("period_type", "period_start", "segment_type", "segment", "age_days"),
}
"""The grain of each published mart."""

RATES = {
    "mart_best_practice": ("p_value", "p_value_adjusted"),
    "mart_coaching": ("peer_percentile",),
    "mart_coverage": ("win_rate",),
    "mart_deal_inspection": ("win_probability",),
    "mart_deal_risk": ("risk_score",),
    "mart_deal_risk_backtest": ("base_rate", "precision_rate", "recall_rate", "accuracy_rate"),
    "mart_engagement": (
        "reply_rate",
        "connect_rate",
        "held_rate",
        "cancelled_rate",
        "no_show_rate",
        "next_step_rate",
        "stage_forward_rate",
    ),
    "mart_lead_funnel": (
        "conversion_rate",
        "maturity_rate",
        "to_opportunity_rate",
        "to_customer_rate",
        "target_met_rate",
    ),
    "mart_pipeline_slippage": ("slip_rate", "slip_amount_rate"),
    "mart_process_adherence": ("adherence_rate",),
    "mart_process_effect": ("met_win_rate", "missing_win_rate"),
    "mart_rep_scorecard": ("win_rate", "employed_share", "bookings_amount_percentile"),
    "mart_sales_velocity": ("win_rate",),
    "mart_stage_conversion": ("conversion_rate", "win_rate", "maturity_rate"),
    "mart_stage_velocity": ("maturity_rate",),
    "mart_win_rate": ("win_rate",),
    "mart_win_rate_curve": ("win_rate", "loss_rate", "undecided_rate"),
}
"""Columns that are shares of a whole."""

COUNTED = ("mart_exec_kpi", "mart_pipeline_daily", "mart_win_rate", "mart_quota_attainment")

CORE_TOTALS = {
    "bookings": "coalesce(sum(amount) filter (is_won and close_date <= as_of_date), 0)",
    "won_count": "count(*) filter (is_won and close_date <= as_of_date)",
    "lost_count": "count(*) filter (is_lost and close_date <= as_of_date)",
    "opportunities_created": "count(*) filter (not is_deleted and created_date <= as_of_date)",
    "open_pipeline": "coalesce(sum(amount) filter (is_open), 0)",
    "open_opportunity_count": "count(*) filter (is_open)",
}
"""Executive KPIs and what they are over fct_opportunity, all periods together."""

AT_A_POINT_IN_TIME = ("open_pipeline", "open_opportunity_count")

_MODEL = "Compare the mart's model with the columns of core that it counts."
_REBUILD = "Build the marts again for the evening that is judged."


def judge_marts(
    database: Path, *, run_id: str, as_of: date, most_dropped: float = MOST_DROPPED
) -> GateReport:
    """Judge the marts before they are published.

    Args:
        database: the build database; the caller has no connection to it open.
        run_id: the run that the outcomes are recorded for.
        as_of: the evening that the marts were built for.
        most_dropped: greatest share of its rows that a mart may lose since the last run.

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
    has_deals = (
        "fct_opportunity" in session.columns_of("core")
        and session.count("core.fct_opportunity where not is_deleted") > 0
    )
    suites = [_mart(name, as_of) for name in KEYS]
    if has_deals:
        suites += [_covers_as_of(as_of), _exec_totals(as_of), _win_rate_totals()]
    return [*suites, _pipeline_by_day(), _inspected_deals()]


def _mart(name: str, as_of: date) -> TableSuite:
    """What holds for every mart: its grain, its evening, its shares."""
    key = KEYS[name]
    expectations: list[BatchExpectation] = [
        no_rows(
            "as_of_this_evening",
            f"select * from {{batch}} where as_of_date is distinct from date '{as_of}'",
            columns=("as_of_date",),
            says=f"every row is as of {as_of}",
            fix=_REBUILD,
        ),
        *(between(column, 0, 1, _MODEL) for column in RATES.get(name, ())),
    ]
    if len(key) == 1:
        expectations += [unique(key, _MODEL), not_null(key[0], _MODEL)]
    else:
        expectations.append(
            no_rows(
                "grain_kept",
                f"select {', '.join(key)} from {{batch}} group by all having count(*) > 1",
                columns=key,
                says=f"there is one row per {', '.join(key)}",
                fix="A join in the mart's model multiplies rows: look for the side that is not "
                "unique.",
            )
        )
    return TableSuite(LAYER, name, f"select * from {LAYER}.{name}", tuple(expectations))


def _covers_as_of(as_of: date) -> TableSuite:
    """The executive figures reach the evening, in every kind of period."""
    return TableSuite(
        LAYER,
        "mart_exec_kpi",
        "select period_type, min(period_start) as first_day, max(period_end) as last_day "
        f"from {LAYER}.mart_exec_kpi where segment_type = 'company' group by period_type",
        (
            no_rows(
                "covers_as_of",
                f"select * from {{batch}} where last_day < date '{as_of}'",
                columns=("period_end",),
                says=f"the last period of every kind reaches {as_of}",
                fix=_REBUILD,
            ),
            no_rows(
                "has_periods",
                "select 1 from {batch} having count(*) = 0",
                columns=("period_type",),
                says="there are periods with figures of the company",
                fix=_REBUILD,
            ),
        ),
    )


def _exec_totals(as_of: date) -> TableSuite:
    """Company figures of all years together, beside the same figure over fct_opportunity."""
    figures = " union all ".join(
        f"select '{kpi}' as kpi, cast({figure} as decimal(18, 2)) as of_core, "
        f"{str(kpi in AT_A_POINT_IN_TIME).lower()} as is_state from core.fct_opportunity"
        for kpi, figure in CORE_TOTALS.items()
    )
    return TableSuite(
        LAYER,
        "mart_exec_kpi",
        f"""
        select figures.kpi, figures.of_core, coalesce(sum(marts.numerator), 0) as of_mart
        from ({figures}) as figures
        left join {LAYER}.mart_exec_kpi as marts
            on
                figures.kpi = marts.kpi
                and marts.segment_type = 'company'
                and marts.period_type = 'year'
                and (not figures.is_state or date '{as_of}' between marts.period_start
                    and marts.period_end)
        group by figures.kpi, figures.of_core
        """,
        tuple(
            no_rows(
                "agrees_with_core",
                f"select * from {{batch}} where kpi = '{kpi}' and abs(of_core - of_mart) > 0.005",
                columns=(kpi,),
                says=f"{kpi} of the company is what fct_opportunity says, to the cent",
                fix=_MODEL,
            )
            for kpi in CORE_TOTALS
        ),
    )


def _win_rate_totals() -> TableSuite:
    return TableSuite(
        LAYER,
        "mart_win_rate",
        f"""
        select
            sum(won_count) as won_of_mart,
            sum(lost_count) as lost_of_mart,
            (select count(*) from core.fct_opportunity
            where is_eligible_for_win_rate and is_won and close_date <= as_of_date) as won_of_core,
            (select count(*) from core.fct_opportunity
            where is_eligible_for_win_rate and is_lost and close_date <= as_of_date) as lost_of_core
        from {LAYER}.mart_win_rate
        where segment_type = 'company' and period_type = 'year' and basis = 'closed_count'
        """,
        (
            no_rows(
                "agrees_with_core",
                "select * from {batch} where coalesce(won_of_mart, 0) <> won_of_core "
                "or coalesce(lost_of_mart, 0) <> lost_of_core",
                columns=("won_count", "lost_count"),
                says="the deals won and lost by close date are those of fct_opportunity",
                fix=_MODEL,
            ),
        ),
    )


def _pipeline_by_day() -> TableSuite:
    """Every day of the pipeline, the last one included, as fct_opportunity_daily has it."""
    return TableSuite(
        LAYER,
        "mart_pipeline_daily",
        f"""
        select date_day, of_mart.*, of_core.*
        from (
            select
                date_day,
                sum(opportunity_count) as deals_of_mart,
                sum(amount) as amount_of_mart
            from {LAYER}.mart_pipeline_daily
            group by date_day
        ) as of_mart
        full join (
            select
                date_day,
                count(*) as deals_of_core,
                coalesce(sum(amount), 0) as amount_of_core
            from core.fct_opportunity_daily
            where is_open
            group by date_day
        ) as of_core using (date_day)
        """,
        (
            no_rows(
                "agrees_with_core",
                "select * from {batch} where deals_of_mart is distinct from deals_of_core "
                "or amount_of_mart is distinct from amount_of_core",
                columns=("date_day", "opportunity_count", "amount"),
                says="every day has the open deals and their amount of fct_opportunity_daily",
                fix=_MODEL,
            ),
        ),
    )


def _inspected_deals() -> TableSuite:
    return TableSuite(
        LAYER,
        "mart_deal_inspection",
        "select opportunity_id, is_eligible_for_pipeline from core.fct_opportunity",
        (
            no_rows(
                "open_deals_inspected",
                "select * from {batch} where is_eligible_for_pipeline <> (opportunity_id in "
                f"(select opportunity_id from {LAYER}.mart_deal_inspection))",
                columns=("opportunity_id",),
                says="the inspected deals are the open ones",
                fix=_MODEL,
            ),
        ),
    )
