"""An earlier evening, built again, has the figures that it had."""

from pathlib import Path

from tests.integration.conftest import (
    DEMO,
    LAST_DAY,
    NEXT_DAY,
    Warehouse,
    differing,
    of_the_evening,
)

# A mail or call that arrives days late says when it took place and not when it became known, so it
# belongs to its evening as soon as it is there.
LATE_RECORDS_REACH = {
    "core.fct_activity",
    "core.fct_conversation",
    "core.fct_conversation_action",
    "core.bridge_activity_opportunity",
    "marts.mart_activity",
    "marts.mart_coaching",
    "marts.mart_deal_involvement",
    "marts.mart_deal_risk",
    "marts.mart_deal_risk_backtest",
    "marts.mart_engagement",
    "marts.mart_exec_kpi",
    "marts.mart_exec_kpi_daily",
    "marts.mart_lead_funnel",
    "marts.mart_lead_response",
    "marts.mart_rep_behaviour",
    "marts.mart_rep_scorecard",
    "ml.ml_anomaly",
    "ml.ml_next_action",
}


def test_rebuilding_an_evening_gives_its_figures(
    evening: Warehouse, next_evening: Warehouse, tmp_path: Path
) -> None:
    back = next_evening.copied(tmp_path / "back")
    back.run(demo_end=NEXT_DAY, as_of=LAST_DAY, **DEMO)
    assert differing(of_the_evening(back), of_the_evening(evening)) <= LATE_RECORDS_REACH
    activities = "select count(*) from core.fct_activity"
    [(then,)], [(now,)] = evening.query(activities), back.query(activities)
    assert 0 <= now - then <= 0.001 * then
