"""The gates behind core, predictions and marts: what holds for a good company, what each finds."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

import duckdb
import pytest

from expectations import GateError, GateReport, judge_core, judge_derived, judge_marts, judge_ml
from tests.unit.expectations.layers_fixture import AS_OF, build

Judge = Callable[..., GateReport]

# What is done to the company → the failures that the gate has to name.
WRONG_CORE: dict[str, set[tuple[str, str]]] = {
    "delete from core.dim_date where date_day = '2026-02-03'": {
        ("dim_date", "calendar_without_gaps")
    },
    "delete from core.dim_date where date_day > '2026-03-20'": {
        ("dim_date", "calendar_reaches_as_of")
    },
    "update core.dim_user set is_current = true": {("dim_user", "one_current_version")},
    "update core.dim_contact set contact_key = 'x'": {
        ("dim_contact", "expect_column_values_to_be_unique")
    },
    "update core.dim_lead set valid_to = '2025-01-01' where valid_to is not null": {
        ("dim_lead", "expect_column_pair_values_a_to_be_greater_than_b")
    },
    "update core.dim_stage set stage = 'Verbal' where stage_key = 's1'": {
        ("dim_stage", "expect_column_values_to_be_in_set")
    },
    "insert into core.dim_product values ('p1')": {
        ("dim_product", "expect_column_values_to_be_unique")
    },
    "update core.fct_fx_rate set rate_to_corporate = 0": {("fct_fx_rate", "rate_positive")},
    "update core.fct_opportunity_event set recorded_at = '2026-04-01 00:00'": {
        ("fct_opportunity_event", "nothing_from_later")
    },
    "insert into core.fct_opportunity_event values ('e2', 'o9', 'stage', '2026-03-02', null)": {
        ("fct_opportunity_event", "reference_resolves")
    },
    "update core.fct_opportunity_stage_span set entered_at = '2026-03-11' where span_number = 2": {
        ("fct_opportunity_stage_span", "spans_without_gap_or_overlap")
    },
    "insert into core.fct_opportunity_line values ('l2', 'o9', 'p9', 0, -1)": {
        ("fct_opportunity_line", "reference_resolves"),
        ("fct_opportunity_line", "quantity_positive"),
        ("fct_opportunity_line", "expect_column_values_to_be_between"),
    },
    "update core.fct_forecast_submission set subject_user_id = 'user-9'": {
        ("fct_forecast_submission", "reference_resolves")
    },
    "update core.fct_quota set user_id = 'user-9'": {("fct_quota", "reference_resolves")},
    "update core.fct_opportunity_split set credit_share = 0.5 where split_key = 't2'": {
        ("fct_opportunity_split", "shares_sum_to_one")
    },
    "update core.fct_opportunity_split set amount = 299.99 where split_key = 't2'": {
        ("fct_opportunity_split", "splits_sum_to_the_deal")
    },
    "delete from core.fct_opportunity_split where split_key = 't1'": {
        ("fct_opportunity_split", "splits_sum_to_the_deal")
    },
    "update core.fct_activity set talk_ratio = 1.5, sentiment = -2": {
        ("fct_activity", "expect_column_values_to_be_between")
    },
    "update core.bridge_activity_opportunity set opportunity_id = 'o9', confidence = 2": {
        ("bridge_activity_opportunity", "reference_resolves"),
        ("bridge_activity_opportunity", "expect_column_values_to_be_between"),
    },
    "update core.fct_conversation set talk_ratio = -0.1, activity_id = 'a9'": {
        ("fct_conversation", "expect_column_values_to_be_between"),
        ("fct_conversation", "reference_resolves"),
    },
    "update core.fct_conversation_action set status = 'soon', owner_user_id = 'user-9'": {
        ("fct_conversation_action", "expect_column_values_to_be_in_set"),
        ("fct_conversation_action", "reference_resolves"),
    },
    "update core.fct_email_event set channel = 'pigeon'": {
        ("fct_email_event", "reference_resolves")
    },
    "update core.fct_touchpoint set occurred_at = null": {
        ("fct_touchpoint", "expect_column_values_to_not_be_null")
    },
    "update core.fct_campaign_member set campaign_id = 'g9'": {
        ("fct_campaign_member", "reference_resolves")
    },
}

WRONG_DEALS: dict[str, set[tuple[str, str]]] = {
    "update core.fct_opportunity set is_won = true where opportunity_id = 'o1'": {
        ("fct_opportunity", "one_state"),
        ("fct_opportunity", "won_deals_agree_with_raw"),
    },
    "update core.fct_opportunity set amount_local = 600 where opportunity_id = 'o2'": {
        ("fct_opportunity", "won_deals_agree_with_raw")
    },
    "update core.fct_opportunity set probability = 35 where opportunity_id = 'o1'": {
        ("fct_opportunity", "expect_column_values_to_be_between")
    },
    "update core.fct_opportunity set account_id = 'account-9'": {
        ("fct_opportunity", "reference_resolves")
    },
    "update core.fct_opportunity set as_of_date = '2026-03-30'": {
        ("fct_opportunity", "as_of_this_evening")
    },
    "update core.fct_opportunity set created_at = '2026-04-01' where opportunity_id = 'o1'": {
        ("fct_opportunity", "nothing_from_later")
    },
    "insert into core.fct_opportunity_daily values "
    "('o1', '2026-03-31', 'Discovery', 0.35, 1100, true)": {
        ("fct_opportunity_daily", "expect_compound_columns_to_be_unique"),
        ("fct_opportunity_daily", "open_deals_agree"),
        ("fct_opportunity_daily", "open_amount_agrees"),
    },
    "drop table core.fct_activity": {
        ("fct_activity", "table_readable"),
        ("fct_conversation", "reference_resolves"),
        ("fct_conversation_action", "reference_resolves"),
        ("bridge_activity_opportunity", "reference_resolves"),
    },
}

WRONG_ML: dict[str, set[tuple[str, str]]] = {
    "update ml.ml_opportunity_score set won_within_90d = 0.41": {
        ("ml_opportunity_score", "expect_column_pair_values_a_to_be_greater_than_b")
    },
    "update ml.ml_opportunity_score set won_within_60d = 0.05": {
        ("ml_opportunity_score", "expect_column_pair_values_a_to_be_greater_than_b")
    },
    "update ml.ml_opportunity_score set won_within_30d = null": {
        ("ml_opportunity_score", "horizons_from_a_model")
    },
    """update ml.ml_opportunity_score set levers = '[{"gain": 0.1}, {"gain": -0.1}]'""": {
        ("ml_opportunity_score", "levers_raise_the_score")
    },
    "update ml.ml_lead_score set score = 75, qualification = 'qualify'": {
        ("ml_lead_score", "score_agrees_with_probability")
    },
    "update ml.ml_lead_score set qualification = 'disqualify'": {
        ("ml_lead_score", "call_agrees_with_score")
    },
    "update ml.ml_lead_score set conversion_probability_high = 0.19": {
        ("ml_lead_score", "expect_column_pair_values_a_to_be_greater_than_b")
    },
    "update ml.ml_lead_score set fit_score = null": {("ml_lead_score", "model_scores_complete")},
    "update ml.ml_lead_score set model_version = 'l0'": {("ml_lead_score", "spoken_by_a_champion")},
    "delete from ml.ml_lead_score": {("ml_lead_score", "open_leads_scored")},
    "update core.dim_lead set is_deleted = true": {("ml_lead_score", "only_open_leads_scored")},
    "update core.fct_lifecycle_event set stage = 'Disqualified' where lead_id = 'lead-1'": {
        ("ml_lead_score", "only_open_leads_scored")
    },
    "update ml.ml_backtest set value = 0.3 where metric = 'high_score_close_rate'": {
        ("ml_backtest", "bands_keep_their_word")
    },
    "update ml.ml_backtest set value = 0.1 where metric = 'low_score_close_rate'": {
        ("ml_backtest", "bands_keep_their_word")
    },
    "update ml.ml_backtest set value = null where metric = 'lead_score_r2'": {
        ("ml_backtest", "bands_keep_their_word")
    },
    "update ml.ml_opportunity_score set win_probability = 1.2, win_probability_high = 1.3, "
    "expected_amount = 1320": {("ml_opportunity_score", "expect_column_values_to_be_between")},
    "update ml.ml_opportunity_score set win_probability_low = 0.45": {
        ("ml_opportunity_score", "expect_column_pair_values_a_to_be_greater_than_b")
    },
    "update ml.ml_opportunity_score set expected_amount = 441": {
        ("ml_opportunity_score", "expected_amount_agrees")
    },
    "update ml.ml_opportunity_score set model_version = 'v0'": {
        ("ml_opportunity_score", "spoken_by_a_champion")
    },
    "delete from ml.ml_opportunity_score": {("ml_opportunity_score", "open_deals_scored")},
    "insert into ml.ml_opportunity_score "
    "values ('o2', '2026-03-31', 'v1', 0.4, 0.3, 0.5, 0.1, 0.2, 0.4, 200.00, '[]', '[]', "
    "'model')": {("ml_opportunity_score", "only_open_deals_scored")},
    "update ml.ml_revenue_forecast set amount = amount + 0.01 "
    "where node_type = 'rep' and node_id = 'user-1' and quantile = 'mean' and horizon = '90'": {
        ("ml_revenue_forecast", "parts_add_up"),
        ("ml_revenue_forecast", "children_add_up"),
    },
    "update ml.ml_revenue_forecast set amount = amount + 2000, "
    "new_business_amount = new_business_amount + 2000 "
    "where node_type = 'company' and quantile = '0.1' and horizon = '90'": {
        ("ml_revenue_forecast", "quantiles_do_not_cross")
    },
    "update ml.ml_revenue_forecast set horizon_days = 20 "
    "where horizon = '90' and node_type = 'company'": {
        ("ml_revenue_forecast", "longer_brings_more")
    },
    "update core.fct_opportunity set amount = 501 where is_won": {
        ("ml_revenue_forecast", "already_won_is_booked")
    },
    "update ml.ml_revenue_forecast set horizon_start_date = '2025-10-01', "
    "horizon_end_date = '2025-12-31' where horizon = 'fiscal_quarter'": {
        ("ml_revenue_forecast", "made_on_the_evening"),
        ("ml_revenue_forecast", "already_won_is_booked"),
        ("ml_revenue_forecast", "quarter_is_the_running_one"),
    },
    "update ml.ml_revenue_forecast set model_version = 'v0'": {
        ("ml_revenue_forecast", "spoken_by_a_champion")
    },
    "update ml.ml_backtest set value = 0.15 where metric = 'wape.company'": {
        ("ml_backtest", "forecast_beats_baselines")
    },
    "update ml.ml_model_registry set is_champion = true": {
        ("ml_model_registry", "one_champion"),
        ("ml_model_registry", "champion_promoted"),
        ("ml_backtest", "baselines_beaten"),
        ("ml_backtest", "not_too_good"),
    },
    "update ml.ml_backtest set value = 0.26 where metric = 'brier'": {
        ("ml_backtest", "baselines_beaten")
    },
    "update ml.ml_backtest set value = 0.96 where model_version = 'v1' and metric = 'roc_auc'": {
        ("ml_backtest", "not_too_good")
    },
    "delete from ml.ml_backtest where model_version = 'v1'": {
        ("ml_backtest", "champion_backtested")
    },
    "insert into ml.ml_churn_score from ml.ml_churn_score": {
        ("ml_churn_score", "expect_column_values_to_be_unique")
    },
    "update ml.ml_churn_score set churn_within_90d = 0.5": {("ml_churn_score", "chances_ordered")},
    "update ml.ml_churn_score set churn_probability_low = null, definition = null": {
        ("ml_churn_score", "complete")
    },
    "update ml.ml_churn_score set model_version = 'v0'": {
        ("ml_churn_score", "spoken_by_a_champion")
    },
    "update ml.ml_ltv set value_365d = 301": {("ml_ltv", "values_ordered")},
    "update ml.ml_ltv set value_1095d_high = null": {("ml_ltv", "complete")},
    "update ml.ml_ltv set model_version = 'v0'": {("ml_ltv", "spoken_by_a_champion")},
    "update ml.ml_segment set segment = null": {("ml_segment", "complete")},
    "insert into ml.ml_segment values "
    "('a2', '2026-03-31', 'v1', 'New', 1, 'Small companies', 0.9, 0.8, 'model')": {
        ("ml_segment", "clusters_named")
    },
    "update ml.ml_segment set model_version = 'v0'": {("ml_segment", "spoken_by_a_champion")},
}

WRONG_DERIVED: dict[str, set[tuple[str, str]]] = {
    "insert into ml.ml_anomaly from ml.ml_anomaly": {
        ("ml_anomaly", "expect_compound_columns_to_be_unique")
    },
    "update ml.ml_anomaly set p_value = 0.95 where severity = 'none'": {
        ("ml_anomaly", "expect_column_pair_values_a_to_be_greater_than_b")
    },
    "update ml.ml_anomaly set explanation = null": {("ml_anomaly", "anomalies_explained")},
    "update ml.ml_anomaly set q_value = 0.06 where is_anomaly": {
        ("ml_anomaly", "anomalies_explained")
    },
    "update ml.ml_anomaly set severity = 'grave', expected_value = null where is_anomaly": {
        ("ml_anomaly", "expect_column_values_to_be_in_set"),
        ("ml_anomaly", "expect_column_values_to_not_be_null"),
    },
    "update ml.ml_scenario set value = value + 1 where node_type = 'company'": {
        ("ml_scenario", "change_is_the_difference"),
        ("ml_scenario", "base_is_the_forecast"),
        ("ml_scenario", "scenario_adds_up"),
    },
    "insert into ml.ml_next_action from ml.ml_next_action": {
        ("ml_next_action", "expect_compound_columns_to_be_unique")
    },
    "delete from ml.ml_next_action where entity_type = 'opportunity'": {
        ("ml_next_action", "open_deals_have_an_action")
    },
    "update ml.ml_next_action set expected_value = 200 where odds_ratio > 0": {
        ("ml_next_action", "worth_agrees")
    },
    "update ml.ml_next_action set due_date = as_of_date - 1, reason = 'Idle for {days} days.'": {
        ("ml_next_action", "expect_column_pair_values_a_to_be_greater_than_b"),
        ("ml_next_action", "reasons_filled_in"),
    },
    "update ml.ml_next_action set action = null, probability = 1.4 where entity_type = 'lead'": {
        ("ml_next_action", "expect_column_values_to_not_be_null"),
        ("ml_next_action", "expect_column_values_to_be_between"),
    },
    "insert into ml.ml_drift from ml.ml_drift": {
        ("ml_drift", "expect_compound_columns_to_be_unique")
    },
    "update ml.ml_drift set verdict = 'fine', value = null where measure = 'population'": {
        ("ml_drift", "expect_column_values_to_be_in_set"),
        ("ml_drift", "expect_column_values_to_not_be_null"),
    },
}

WRONG_MARTS: dict[str, set[tuple[str, str]]] = {
    "update marts.mart_exec_kpi set numerator = numerator + 0.01 where kpi = 'bookings'": {
        ("mart_exec_kpi", "agrees_with_core")
    },
    "update marts.mart_exec_kpi set numerator = 2 where kpi = 'open_opportunity_count'": {
        ("mart_exec_kpi", "agrees_with_core")
    },
    "update marts.mart_exec_kpi set as_of_date = '2026-03-30'": {
        ("mart_exec_kpi", "as_of_this_evening")
    },
    "insert into marts.mart_win_rate from marts.mart_win_rate": {
        ("mart_win_rate", "grain_kept"),
        ("mart_win_rate", "agrees_with_core"),
    },
    "update marts.mart_win_rate set win_rate = 1.5": {
        ("mart_win_rate", "expect_column_values_to_be_between")
    },
    "delete from marts.mart_pipeline_daily where date_day = '2026-03-30'": {
        ("mart_pipeline_daily", "agrees_with_core")
    },
    "update marts.mart_pipeline_daily set amount = 1101 where date_day = '2026-03-31'": {
        ("mart_pipeline_daily", "agrees_with_core")
    },
    "delete from marts.mart_deal_inspection": {("mart_deal_inspection", "open_deals_inspected")},
    "delete from marts.mart_exec_kpi": {
        ("mart_exec_kpi", "has_periods"),
        ("mart_exec_kpi", "agrees_with_core"),
    },
}


def failures(report: GateReport) -> set[tuple[str, str]]:
    return {(failure.table, failure.expectation) for failure in report.failures}


def judged(judge: Judge, database: Path, as_of: date = AS_OF) -> GateReport:
    return judge(database, run_id="test-run", as_of=as_of)


@pytest.mark.parametrize("judge", [judge_core, judge_ml, judge_derived, judge_marts])
def test_a_good_company_meets_every_expectation(tmp_path: Path, judge: Judge) -> None:
    report = judged(judge, build(tmp_path))

    assert report.passed
    assert not report.findings, report.describe()
    assert len(report.outcomes) > 10


def test_core_names_what_is_wrong_in_each_table(tmp_path: Path) -> None:
    report = judged(judge_core, build(tmp_path, *WRONG_CORE))

    assert failures(report) == set().union(*WRONG_CORE.values())


@pytest.mark.parametrize(
    ("judge", "change", "found"),
    [
        *((judge_core, change, found) for change, found in WRONG_DEALS.items()),
        *((judge_ml, change, found) for change, found in WRONG_ML.items()),
        *((judge_derived, change, found) for change, found in WRONG_DERIVED.items()),
        *((judge_marts, change, found) for change, found in WRONG_MARTS.items()),
    ],
)
def test_a_gate_names_what_is_wrong(
    tmp_path: Path, judge: Judge, change: str, found: set[tuple[str, str]]
) -> None:
    report = judged(judge, build(tmp_path, change))

    assert failures(report) == found
    for failure in report.failures:
        assert failure.message.endswith(".")


@pytest.mark.parametrize("judge", [judge_core, judge_ml, judge_derived, judge_marts])
def test_a_company_without_data_passes(tmp_path: Path, judge: Judge) -> None:
    database = build(tmp_path)
    with duckdb.connect(str(database)) as con:
        for schema, table in con.execute(
            "select schema_name, table_name from duckdb_tables() "
            "where schema_name in ('core', 'ml', 'marts', 'raw_salesforce', 'quarantine') "
            "and table_name not in ('dim_date', 'dim_stage')"
        ).fetchall():
            con.execute(f'delete from {schema}."{table}"')

    report = judged(judge, database)

    assert report.passed, report.describe()


@pytest.mark.parametrize(
    ("change", "expectation", "severity"),
    [
        (
            "insert into ml.ml_backtest (model_version, metric, value) values ('v1', 'ece', 0.06)",
            "champion_calibrated",
            "warning",
        ),
        (
            "update ml.ml_model_registry set trained_as_of = trained_as_of - 36",
            "champion_fresh",
            "warning",
        ),
        (
            "insert into ml.ml_model_registry select 'v2', * exclude (model_version) replace "
            "(date '2026-04-05' as trained_as_of, 'refused' as promotion_decision, "
            "false as is_champion) from ml.ml_model_registry where model_version = 'v1'",
            "latest_version_promoted",
            "info",
        ),
    ],
)
def test_a_champion_to_look_at_is_pointed_out(
    tmp_path: Path, change: str, expectation: str, severity: str
) -> None:
    report = judged(judge_ml, build(tmp_path, change))

    assert report.passed
    (finding,) = report.findings
    assert (finding.expectation, finding.severity) == (expectation, severity)


def test_base_rates_are_shown_where_no_model_speaks(tmp_path: Path) -> None:
    report = judged(
        judge_ml,
        build(
            tmp_path,
            "delete from ml.ml_model_registry",
            "delete from ml.ml_revenue_forecast",
            *(f"delete from ml.{table}" for table in ("ml_churn_score", "ml_ltv", "ml_segment")),
            "update ml.ml_opportunity_score "
            "set model_version = 'base_rate', data_sufficiency = 'no_signal: base rate', "
            "won_within_30d = null, won_within_60d = null, won_within_90d = null",
            "update ml.ml_lead_score set model_version = 'base_rate', fit_score = null, "
            "engagement_score = null, data_sufficiency = 'bands_missed: base rate'",
        ),
    )

    assert report.passed
    assert {
        (finding.table, finding.expectation, finding.severity) for finding in report.findings
    } == {
        ("ml_lead_score", "spoken_by_a_model", "info"),
        ("ml_opportunity_score", "spoken_by_a_model", "info"),
    }


def test_a_week_in_which_everything_is_unusual_is_pointed_out(tmp_path: Path) -> None:
    many = (
        "insert into ml.ml_anomaly select '2026-03-31', 'pushes', 'rep', 'user-' || n, 1, 2, 0, "
        "5, case when n < {small} then 0.04 else 0.5 end, 0.6, 'none', false, false, null "
        "from range(99) as more (n)"
    )

    for name in ("usual", "storm"):
        (tmp_path / name).mkdir()
    usual = judged(judge_derived, build(tmp_path / "usual", many.format(small=19)))
    storm = judged(judge_derived, build(tmp_path / "storm", many.format(small=20)))

    assert not usual.findings
    assert storm.passed
    assert [finding.expectation for finding in storm.findings] == ["alarms_are_rare"]


def test_a_baseline_is_shown_where_no_forecast_speaks(tmp_path: Path) -> None:
    report = judged(
        judge_ml,
        build(
            tmp_path,
            "delete from ml.ml_model_registry where model_name = 'revenue_forecast'",
            "update ml.ml_revenue_forecast set model_version = 'weighted_pipeline', "
            "data_sufficiency = 'insufficient_history: weighted_pipeline'",
        ),
    )

    assert report.passed
    (finding,) = report.findings
    assert (finding.table, finding.severity) == ("ml_revenue_forecast", "info")


def test_drift_is_pointed_out_and_stops_nothing(tmp_path: Path) -> None:
    report = judged(judge_derived, build(tmp_path, "update ml.ml_drift set verdict = 'severe'"))

    assert report.passed
    assert {finding.expectation for finding in report.findings} == {
        "features_as_in_training",
        "predictions_come_true",
    }


def test_scores_of_other_evenings_are_not_judged_again(tmp_path: Path) -> None:
    report = judged(
        judge_ml,
        build(
            tmp_path,
            "insert into ml.ml_opportunity_score "
            "values ('o2', '2026-03-01', 'v1', 7, 8, 6, 9, 8, 7, null, '[]', '[]', 'model')",
        ),
    )

    assert report.passed


def test_a_deal_without_an_exchange_rate_is_pointed_out(tmp_path: Path) -> None:
    change = "update core.fct_opportunity set amount = null where opportunity_id = 'o2'"

    report = judged(judge_core, build(tmp_path, change))

    assert report.passed
    assert [finding.expectation for finding in report.findings] == ["amount_converted"]


MANY_TOUCHES = (
    "insert into core.fct_touchpoint "
    "select 'u' || n, '2026-03-05', null from range(99) as touches (n)"
)


def test_a_table_that_has_lost_rows_since_the_last_run_blocks(tmp_path: Path) -> None:
    """A seventh fewer is too much, a tenth is not."""
    database = build(tmp_path, MANY_TOUCHES)
    assert judged(judge_core, database).passed
    with duckdb.connect(str(database)) as con:
        con.execute("delete from core.fct_touchpoint where touch_id like 'u9%'")
        assert con.execute("select count(*) from core.fct_touchpoint").fetchall() == [(90,)]
    assert judged(judge_core, database).passed
    with duckdb.connect(str(database)) as con:
        con.execute("delete from core.fct_touchpoint where touch_id like 'u8%'")
        con.execute("delete from core.fct_touchpoint where touch_id in ('u70', 'u71', 'u72')")

    blocked = judged(judge_core, database)
    again = judged(judge_core, database)

    assert failures(blocked) == failures(again) == {("fct_touchpoint", "rows_not_dropped")}
    assert "at least 77 rows, after 90 as of 2026-03-31: found 76" in blocked.failures[0].message
    assert judge_core(database, run_id="r", as_of=AS_OF, most_dropped=1).passed
    assert judged(judge_core, database).passed


def test_a_rebuilt_evening_is_held_against_evenings_up_to_it(tmp_path: Path) -> None:
    database = build(tmp_path, MANY_TOUCHES)
    assert judged(judge_core, database).passed
    with duckdb.connect(str(database)) as con:
        con.execute("delete from core.fct_touchpoint where touch_id <> 't1'")

    earlier = judged(judge_core, database, date(2026, 3, 30))

    assert "rows_not_dropped" not in {failure.expectation for failure in earlier.failures}


def test_outcomes_are_recorded_and_the_database_is_free_afterwards(tmp_path: Path) -> None:
    database = build(tmp_path)

    report = judged(judge_ml, database)

    with duckdb.connect(str(database), config={"threads": 1}) as con:
        assert con.execute(
            "select count(*), bool_and(success), any_value(run_id) from ops.ops_check"
        ).fetchall() == [(len(report.outcomes), True, "test-run")]


def test_a_missing_database_is_named(tmp_path: Path) -> None:
    with pytest.raises(GateError, match="load the sources first"):
        judged(judge_core, tmp_path / "none.duckdb")
