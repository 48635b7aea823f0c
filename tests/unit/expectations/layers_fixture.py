"""A small company in core, ml and marts that every expectation holds for."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import duckdb

AS_OF = date(2026, 3, 31)

# Two deals: o1 open at 1,000 EUR (1,100 in corporate currency), o2 won at 500 on 10 March.
TABLES = """
create schema core; create schema ml; create schema marts;
create schema raw_salesforce; create schema quarantine;

create table core.dim_date as
select cast(day as date) as date_day
from range(date '2026-01-01', date '2027-01-01', interval 1 day) as days (day);

create table core.dim_stage (
    stage_key varchar, source_system varchar, source_stage varchar, stage varchar, is_won boolean
);
insert into core.dim_stage values
    ('s1', 'salesforce', 'Discovery', 'Discovery', false),
    ('s2', 'salesforce', 'Closed Won', 'Closed Won', true);

create table core.dim_product (product_id varchar); insert into core.dim_product values ('p1');
create table core.dim_campaign (campaign_id varchar); insert into core.dim_campaign values ('g1');
create table core.fct_fx_rate (
    currency_code varchar, valid_from date, rate_to_corporate decimal(18, 8)
);
insert into core.fct_fx_rate values ('EUR', '2026-01-01', 1.1), ('USD', '2026-01-01', 1);

create table core.fct_opportunity (
    opportunity_id varchar, source_system varchar, created_at timestamp, created_date date,
    close_date date, stage varchar, forecast_category varchar, probability decimal(9, 4),
    amount decimal(18, 2), amount_local decimal(18, 2), currency_code varchar, account_id varchar,
    owner_user_id varchar, campaign_id varchar, is_open boolean, is_won boolean, is_lost boolean,
    is_deleted boolean, is_eligible_for_pipeline boolean, is_eligible_for_win_rate boolean,
    as_of_date date
);
insert into core.fct_opportunity values
    ('o1', 'salesforce', '2026-03-02 09:00', '2026-03-02', '2026-06-30', 'Discovery', 'pipeline',
     0.35, 1100, 1000, 'EUR', 'account-1', 'user-1', 'g1', true, false, false, false, true, false,
     '2026-03-31'),
    ('o2', 'salesforce', '2026-01-05 09:00', '2026-01-05', '2026-03-10', 'Closed Won', 'closed', 1,
     500, 500, 'USD', 'account-1', 'user-1', null, false, true, false, false, false, true,
     '2026-03-31');

create table core.fct_opportunity_event (
    change_id varchar, opportunity_id varchar, field varchar, changed_at timestamp,
    recorded_at timestamp
);
insert into core.fct_opportunity_event values
    ('e1', 'o1', 'stage', '2026-03-02 09:00', '2026-03-02 09:00');

create table core.fct_opportunity_stage_span (
    opportunity_id varchar, span_number integer, stage varchar, entered_at timestamp,
    exited_at timestamp
);
insert into core.fct_opportunity_stage_span values
    ('o1', 1, 'Discovery', '2026-03-02 09:00', null),
    ('o2', 1, 'Discovery', '2026-01-05 09:00', '2026-03-10 12:00'),
    ('o2', 2, 'Closed Won', '2026-03-10 12:00', null);

create table core.fct_opportunity_daily (
    opportunity_id varchar, date_day date, stage varchar, probability decimal(9, 4),
    amount decimal(18, 2), is_open boolean
);
insert into core.fct_opportunity_daily values
    ('o1', '2026-03-30', 'Discovery', 0.35, 1100, true),
    ('o1', '2026-03-31', 'Discovery', 0.35, 1100, true),
    ('o2', '2026-03-10', 'Closed Won', 1, 500, false);

create table core.fct_opportunity_line (
    line_id varchar, opportunity_id varchar, product_id varchar, quantity decimal(18, 4),
    amount decimal(18, 2)
);
insert into core.fct_opportunity_line values ('l1', 'o1', 'p1', 2, 1100);

create table core.fct_forecast_submission (
    submission_id varchar, submitter_user_id varchar, subject_user_id varchar,
    submitted_at timestamp
);
insert into core.fct_forecast_submission values ('f1', 'user-1', 'user-1', '2026-01-05 10:00');
create table core.fct_opportunity_split (
    split_key varchar, opportunity_id varchar, user_id varchar, role_type varchar,
    credit_share decimal(9, 6), share_rule varchar, amount decimal(18, 2)
);
insert into core.fct_opportunity_split values
    ('t1', 'o1', 'user-1', 'revenue', 1, 'owner', 1100),
    ('t2', 'o2', 'user-1', 'revenue', 0.6, 'given', 300),
    ('t3', 'o2', null, 'revenue', 0.4, 'given', 200);

create table core.bridge_territory_account (
    territory_account_key varchar, account_id varchar, territory_id varchar, valid_from timestamp,
    valid_to timestamp, is_current boolean, is_overlapping boolean
);
insert into core.bridge_territory_account values
    ('r1', 'account-1', 'territory-1', '2026-01-01', null, true, false);

create table core.bridge_territory_user (
    territory_user_key varchar, user_id varchar, territory_id varchar, valid_from timestamp,
    valid_to timestamp
);
insert into core.bridge_territory_user values ('v1', 'user-1', 'territory-1', '2026-01-01', null);

create table core.fct_quota (
    quota_key varchar, user_id varchar, period_start date, period_end date, amount decimal(18, 2)
);
insert into core.fct_quota values ('q1', 'user-1', '2026-01-01', '2026-04-01', 1000);

create table core.fct_activity (
    activity_id varchar, activity_type varchar, occurred_at timestamp, recorded_at timestamp,
    duration_seconds bigint, talk_ratio double, sentiment double, user_id varchar,
    account_id varchar
);
insert into core.fct_activity values
    ('a1', 'call', '2026-03-05 10:00', '2026-03-05 10:10', 600, 0.4, 0.1, 'user-1', 'account-1');

create table core.bridge_activity_opportunity (
    activity_id varchar, opportunity_id varchar, confidence decimal(9, 4)
);
insert into core.bridge_activity_opportunity values ('a1', 'o1', 0.9);

create table core.dim_channel (channel varchar); insert into core.dim_channel values ('email');
create table core.fct_conversation (
    activity_id varchar, talk_ratio double, sentiment double, questions_per_hour decimal(18, 4)
);
insert into core.fct_conversation values ('a1', 0.4, 0.1, 36);

create table core.fct_conversation_action (
    action_id varchar, activity_id varchar, owner_user_id varchar, status varchar,
    days_to_complete decimal(18, 4)
);
insert into core.fct_conversation_action values ('p1', 'a1', 'user-1', 'completed', 1.5);

create table core.fct_email_event (
    email_event_id varchar, occurred_at timestamp, campaign_id varchar, channel varchar
);
insert into core.fct_email_event values ('v1', '2026-03-05 10:00', 'g1', 'email');

create table core.fct_touchpoint (
    touch_id varchar, occurred_at timestamp, campaign_id varchar
);
insert into core.fct_touchpoint values ('t1', '2026-03-05 10:00', 'g1');
create table core.fct_campaign_member (campaign_member_id varchar, campaign_id varchar);
insert into core.fct_campaign_member values ('m1', 'g1');

create table core.fct_lifecycle_event (lead_id varchar, stage varchar, is_current boolean);
insert into core.fct_lifecycle_event values
    ('lead-1', 'Lead', false), ('lead-1', 'SAL', true);

create table ml.ml_lead_score (
    lead_id varchar, as_of_date date, model_version varchar, score double,
    conversion_probability double, conversion_probability_low double,
    conversion_probability_high double, horizon_days bigint, fit_score double,
    engagement_score double, qualification varchar, top_factors varchar, data_sufficiency varchar
);
insert into ml.ml_lead_score values
    ('lead-1', '2026-03-31', 'l1', 52, 0.2, 0.15, 0.25, 60, 80, 12.5, 'nurture', '[]', 'model');

create table ml.ml_opportunity_score (
    opportunity_id varchar, as_of_date date, model_version varchar, win_probability double,
    win_probability_low double, win_probability_high double, won_within_30d double,
    won_within_60d double, won_within_90d double, expected_amount decimal(18, 2),
    top_factors varchar, levers varchar, data_sufficiency varchar
);
insert into ml.ml_opportunity_score values
    ('o1', '2026-03-31', 'v1', 0.4, 0.3, 0.5, 0.1, 0.2, 0.4, 440.00, '[]',
     '[{"lever": "meeting", "name": "Hold the next meeting", "now": "0", "then": "1",
        "probability": 0.45, "gain": 0.05}]', 'model');

create table ml.ml_revenue_forecast (
    origin_date date, horizon varchar, horizon_days bigint, horizon_start_date date,
    horizon_end_date date, node_type varchar, node_id varchar, quantile varchar,
    amount decimal(18, 2), already_won_amount decimal(18, 2), open_pipeline_amount decimal(18, 2),
    new_business_amount decimal(18, 2), is_backtest boolean, model_version varchar,
    data_sufficiency varchar, as_of_date date
);
insert into ml.ml_revenue_forecast
select
    '2026-03-31', horizon, days, first_day, last_day, node_type, node_id, quantile, won + share,
    won, 0.75 * share, 0.25 * share, false, 'r1', 'model', '2026-03-31'
from
    (values
        ('60', 60, date '2026-04-01', date '2026-05-30', 800),
        ('90', 90, date '2026-04-01', date '2026-06-29', 1000),
        ('fiscal_quarter', 0, date '2026-01-01', date '2026-03-31', 0)
    ) as horizons (horizon, days, first_day, last_day, expected),
    (values ('company', 'All', 1.0), ('rep', 'user-1', 0.5), ('rep', 'user-2', 0.5))
        as nodes (node_type, node_id, part),
    (values ('0.1', 0.5), ('0.9', 1.5), ('mean', 1.0)) as quantiles (quantile, factor),
    lateral (
        select
            expected * part * factor as share,
            case
                when horizon = 'fiscal_quarter' then part * (
                    select sum(amount) from core.fct_opportunity
                    where is_won and close_date between '2026-01-01' and '2026-03-31'
                )
                else 0
            end as won
    );
create table ml.ml_churn_score (
    account_id varchar, as_of_date date, model_version varchar, definition varchar,
    horizon_days bigint, churn_probability double, churn_probability_low double,
    churn_probability_high double, churn_within_90d double, churn_within_365d double,
    renewal_date date, amount_at_risk decimal(18, 2), top_factors varchar, data_sufficiency varchar
);
insert into ml.ml_churn_score values
    ('a1', '2026-03-31', 'v1', 'every running contract is lost', 180, 0.2, 0.1, 0.3, 0.1, 0.4,
     null, 20.00, '[]', 'model');

create table ml.ml_ltv (
    account_id varchar, as_of_date date, model_version varchar, method varchar,
    value_365d decimal(18, 2), value_365d_low decimal(18, 2), value_365d_high decimal(18, 2),
    value_1095d decimal(18, 2), value_1095d_low decimal(18, 2), value_1095d_high decimal(18, 2),
    alive_probability double, data_sufficiency varchar
);
insert into ml.ml_ltv values
    ('a1', '2026-03-31', 'v1', 'bg_nbd', 100, 0, 300, 250, 10, 700, 0.9, 'model');

create table ml.ml_segment (
    account_id varchar, as_of_date date, model_version varchar, segment varchar, cluster bigint,
    cluster_name varchar, stability double, cluster_stability double, data_sufficiency varchar
);
insert into ml.ml_segment values
    ('a1', '2026-03-31', 'v1', 'Loyal', 1, 'Repeat buyers', 0.9, 0.8, 'model');

create table ml.ml_scenario (
    scenario varchar, horizon varchar, node_type varchar, node_id varchar, metric varchar,
    base_value decimal(18, 2), value decimal(18, 2), change_amount decimal(18, 2),
    as_of_date date
);
insert into ml.ml_scenario
select
    scenario, horizon, node_type, node_id, 'revenue', amount, amount * factor,
    amount * (factor - 1), '2026-03-31'
from
    ml.ml_revenue_forecast,
    (values ('base', 1.0), ('win_rate_up', 1.1)) as scenarios (scenario, factor)
where quantile = 'mean' and horizon = '90';

create table ml.ml_model_registry (
    model_version varchar, model_name varchar, trained_as_of date, data_fingerprint varchar,
    code_version varchar, metrics varchar, is_champion boolean, promotion_decision varchar
);
insert into ml.ml_model_registry values
    ('v0', 'opportunity_score', '2026-02-28', 'f0', 'c', '{}', false, 'refused'),
    ('v1', 'opportunity_score', '2026-03-31', 'f1', 'c', '{}', true, 'promoted'),
    ('l1', 'lead_score', '2026-03-31', 'f2', 'c', '{}', true, 'promoted'),
    ('r1', 'revenue_forecast', '2026-03-31', 'f2', 'c', '{}', true, 'promoted');

create table ml.ml_backtest (
    model_version varchar, metric varchar, baseline varchar, value double, baseline_value double
);
insert into ml.ml_backtest values
    ('v0', 'log_loss', 'base_rate', 0.70, 0.69), ('v0', 'roc_auc', 'base_rate', 0.99, 0.5),
    ('v1', 'log_loss', 'base_rate', 0.50, 0.69), ('v1', 'brier', 'base_rate', 0.17, 0.25),
    ('v1', 'roc_auc', 'base_rate', 0.80, 0.5),
    ('l1', 'high_score_close_rate', 'promised', 0.35, 0.3),
    ('l1', 'low_score_close_rate', 'promised', 0.04, 0.1),
    ('l1', 'lead_score_r2', 'promised', 0.9, 0.65);
alter table ml.ml_backtest add column horizon_days bigint;
alter table ml.ml_backtest add column row_count bigint;
insert into ml.ml_backtest values
    ('r1', 'wape.company', 'weighted_pipeline', 0.10, 0.15, 90, 9),
    ('r1', 'coverage_95_by_lot.rep', 'nominal', 0.94, 0.95, 90, 90);

create table ml.ml_anomaly (
    as_of_date date, metric varchar, node_type varchar, node_id varchar, observed_value double,
    expected_value double, expected_low double, expected_high double, p_value double,
    q_value double, severity varchar, is_anomaly boolean, is_alert boolean, explanation varchar
);
insert into ml.ml_anomaly values
    ('2026-03-31', 'activities', 'rep', 'user-1', 2, 20, 12, 29, 0.0001, 0.0002, 'severe', true,
     true, 'Activities of rep user-1: 2, below the 20 expected.'),
    ('2026-03-31', 'activities', 'company', 'All', 20, 21, 13, 30, 0.9, 0.9, 'none', false, false,
     null);

create table ml.ml_next_action (
    entity_type varchar, entity_id varchar, as_of_date date, rule_code varchar, action varchar,
    reason varchar, due_date date, value_at_stake decimal(18, 2), probability double,
    probability_gain double, expected_value decimal(18, 2), value_basis varchar,
    odds_ratio double
);
insert into ml.ml_next_action values
    ('opportunity', 'o1', '2026-03-31', 'set_next_step', 'Agree a next step',
     'No next step is written down.', '2026-04-01', 1100, 0.4, 0.1, 110, 'measured', 1.5),
    ('lead', 'lead-1', '2026-03-31', 'first_touch', 'Call', 'Created 2 days ago.', '2026-04-01',
     900, 0.2, null, null, 'not measured', null);

create table ml.ml_drift (
    model_name varchar, model_version varchar, as_of_date date, measure varchar, feature varchar,
    period_start date, value double, verdict varchar, explanation varchar
);
insert into ml.ml_drift values
    ('opportunity_score', 'v1', '2026-03-31', 'population', 'stage', '2026-03-31', 0.03, 'stable',
     null),
    ('opportunity_score', 'v1', '2026-03-31', 'calibration', 'prediction', '2025-12-01', 0.02,
     'stable', null);

create table marts.mart_activity (
    date_day date, user_id varchar, activity_type varchar, activity_subtype varchar,
    channel varchar, direction varchar, segment varchar, region varchar, team varchar,
    manager_user_id varchar, as_of_date date
);
insert into marts.mart_activity values
    ('2026-03-10', 'user-1', 'call', 'unspecified', 'phone', 'outbound', 'SMB', 'EMEA', 'A', null,
     '2026-03-31');

create table marts.mart_engagement (
    period_type varchar, period_start date, segment_type varchar, segment varchar, channel varchar,
    activity_type varchar, engagement_type varchar, is_automated boolean,
    reply_rate decimal(18, 6), connect_rate decimal(18, 6), held_rate decimal(18, 6),
    cancelled_rate decimal(18, 6), no_show_rate decimal(18, 6), next_step_rate decimal(18, 6),
    stage_forward_rate decimal(18, 6), as_of_date date
);
insert into marts.mart_engagement values
    ('year', '2026-01-01', 'company', 'All', 'phone', 'call', 'follow_up', false, null, 0.5, null,
     null, null, 1, 0, '2026-03-31');

create table marts.mart_exec_kpi (
    period_type varchar, period_start date, period_end date, segment_type varchar, segment varchar,
    kpi varchar, numerator decimal(18, 2), as_of_date date
);
insert into marts.mart_exec_kpi
select 'year', '2026-01-01', '2026-12-31', 'company', 'All', kpi, figure, '2026-03-31'
from (values
    ('bookings', 500), ('won_count', 1), ('lost_count', 0), ('opportunities_created', 2),
    ('open_pipeline', 1100), ('open_opportunity_count', 1)
) as figures (kpi, figure);

create table marts.mart_coverage (
    date_day date, node_type varchar, node_id varchar, close_period_start date,
    win_rate decimal(18, 6), as_of_date date
);
insert into marts.mart_coverage values
    ('2026-03-30', 'company', 'All', '2026-01-01', 0.25, '2026-03-31');

create table marts.mart_forecast_accuracy (
    period_start date, node_type varchar, node_id varchar, weeks_to_close integer,
    forecaster varchar, as_of_date date
);
insert into marts.mart_forecast_accuracy values
    ('2026-01-01', 'company', 'All', 0, 'rep', '2026-03-31');

create table marts.mart_forecast_call (
    snapshot_date date, period_start date, category varchar, user_id varchar, as_of_date date
);
insert into marts.mart_forecast_call values
    ('2026-03-30', '2026-01-01', 'commit', 'user-1', '2026-03-31');

create table marts.mart_forecast_deal (
    snapshot_date date, opportunity_id varchar, as_of_date date
);
insert into marts.mart_forecast_deal values ('2026-03-30', 'o1', '2026-03-31');

create table marts.mart_forecast_rollup (
    period_start date, snapshot_date date, hierarchy varchar, node_type varchar, node_id varchar,
    category varchar, as_of_date date
);
insert into marts.mart_forecast_rollup values
    ('2026-01-01', '2026-03-30', 'stamped', 'company', 'All', 'commit', '2026-03-31');

create table marts.mart_lead_funnel (
    cohort_type varchar, cohort_start date, source_type varchar, source varchar, stage varchar,
    conversion_rate decimal(18, 6), maturity_rate decimal(18, 6),
    to_opportunity_rate decimal(18, 6), to_customer_rate decimal(18, 6),
    target_met_rate decimal(18, 6), as_of_date date
);
insert into marts.mart_lead_funnel values
    ('month', '2026-03-01', 'company', 'All', 'Lead', 0.5, 1, 0.25, 0.1, null, '2026-03-31');

create table marts.mart_lead_response (lead_id varchar, as_of_date date);
insert into marts.mart_lead_response values ('lead-1', '2026-03-31');

create table marts.mart_pipeline_daily (
    date_day date, owner_user_id varchar, stage varchar, forecast_category varchar,
    close_period_start date, opportunity_count bigint, amount decimal(18, 2), as_of_date date
);
insert into marts.mart_pipeline_daily values
    ('2026-03-30', 'user-1', 'Discovery', 'pipeline', '2026-04-01', 1, 1100, '2026-03-31'),
    ('2026-03-31', 'user-1', 'Discovery', 'pipeline', '2026-04-01', 1, 1100, '2026-03-31');

create table marts.mart_pipeline_health as
select date '2026-03-31' as date_day, 'stamped' as hierarchy, 'company' as node_type,
    'All' as node_id, date '2026-03-31' as as_of_date;

create table marts.mart_pipeline_health_part as
select *, 'coverage' as part from marts.mart_pipeline_health;

create table marts.mart_pipeline_pacing as select * from marts.mart_pipeline_health;

create table marts.mart_pipeline_slippage as
select *, 'month' as period_type, date '2026-03-01' as period_start, 0.5 as slip_rate,
    null::double as slip_amount_rate
from marts.mart_pipeline_health;

create table marts.mart_pipeline_waterfall as
select *, 'month' as period_type, date '2026-02-28' as from_date, date '2026-03-31' as to_date,
    'all_open' as scope, 'start' as bucket
from marts.mart_pipeline_health;

create table marts.mart_best_practice (
    behaviour varchar, segment varchar, p_value decimal(18, 6), p_value_adjusted decimal(18, 6),
    as_of_date date
);
insert into marts.mart_best_practice values ('meetings_held', 'All', 0.01, 0.02, '2026-03-31');

create table marts.mart_coaching (
    user_id varchar, week_start date, gap varchar, peer_percentile decimal(18, 6), as_of_date date
);
insert into marts.mart_coaching values
    ('user-1', '2026-03-23', 'activities', 0, '2026-03-31');

create table marts.mart_rep_behaviour (
    user_id varchar, week_start date, behaviour varchar, stage varchar, as_of_date date
);
insert into marts.mart_rep_behaviour values
    ('user-1', '2026-03-23', 'activities', null, '2026-03-31');

create table marts.mart_sales_velocity (
    period_type varchar, period_start date, segment_type varchar, segment varchar,
    win_rate decimal(18, 6), as_of_date date
);
insert into marts.mart_sales_velocity values
    ('year', '2026-01-01', 'company', 'All', 1, '2026-03-31');

create table marts.mart_stage_conversion (
    period_type varchar, period_start date, segment_type varchar, segment varchar, stage varchar,
    conversion_rate decimal(18, 6), win_rate decimal(18, 6), maturity_rate decimal(18, 6),
    as_of_date date
);
insert into marts.mart_stage_conversion values
    ('year', '2026-01-01', 'company', 'All', 'Discovery', 0.5, 0.5, 1, '2026-03-31');

create table marts.mart_stage_velocity (
    period_type varchar, period_start date, segment_type varchar, segment varchar, stage varchar,
    maturity_rate decimal(18, 6), as_of_date date
);
insert into marts.mart_stage_velocity values
    ('year', '2026-01-01', 'company', 'All', 'Discovery', 1, '2026-03-31');

create table marts.mart_win_rate (
    period_type varchar, period_start date, segment_type varchar, segment varchar, basis varchar,
    win_rate decimal(18, 6), won_count bigint, lost_count bigint, as_of_date date
);
insert into marts.mart_win_rate values
    ('year', '2026-01-01', 'company', 'All', 'closed_count', 1, 1, 0, '2026-03-31');

create table marts.mart_win_rate_curve (
    period_type varchar, period_start date, segment_type varchar, segment varchar,
    age_days integer, win_rate decimal(18, 6), loss_rate decimal(18, 6),
    undecided_rate decimal(18, 6), as_of_date date
);
insert into marts.mart_win_rate_curve values
    ('year', '2026-01-01', 'company', 'All', 90, 1, 0, 0, '2026-03-31');

create table marts.mart_quota_attainment (
    user_id varchar, measure varchar, period_start date, period_end date, as_of_date date
);
insert into marts.mart_quota_attainment values
    ('user-1', 'bookings', '2026-01-01', '2026-03-31', '2026-03-31');

create table marts.mart_capacity (user_id varchar, month_start date, as_of_date date);
insert into marts.mart_capacity values ('user-1', '2026-03-01', '2026-03-31');

create table marts.mart_rep_scorecard (
    user_id varchar, period_type varchar, period_start date, win_rate decimal(18, 6),
    employed_share decimal(18, 6), bookings_amount_percentile decimal(18, 6), as_of_date date
);
insert into marts.mart_rep_scorecard values
    ('user-1', 'fiscal_quarter', '2026-01-01', 1, 1, null, '2026-03-31');

create table marts.mart_target_vs_actual (
    target_id varchar, period_type varchar, period_name varchar, node_type varchar,
    node_id varchar, as_of_date date
);
insert into marts.mart_target_vs_actual values
    ('t-1', 'year', '2026', 'company', 'All', '2026-03-31');

create table marts.mart_deal_inspection (
    opportunity_id varchar, win_probability decimal(18, 6), as_of_date date
);
insert into marts.mart_deal_inspection values ('o1', 0.4, '2026-03-31');

create table marts.mart_deal_risk (
    opportunity_id varchar, date_day date, risk_score decimal(18, 6), as_of_date date
);
insert into marts.mart_deal_risk values ('o1', '2026-03-31', 0.2, '2026-03-31');

create table marts.mart_deal_risk_backtest (
    outcome varchar, flag varchar, scope varchar, snapshot_date date, base_rate decimal(18, 6),
    precision_rate decimal(18, 6), recall_rate decimal(18, 6), accuracy_rate decimal(18, 6),
    as_of_date date
);
insert into marts.mart_deal_risk_backtest values
    ('lost', 'stalled', 'all', '2025-12-31', 0.5, 0.6, 0.3, 0.55, '2026-03-31');

create table marts.mart_process_adherence (
    opportunity_id varchar, stage varchar, adherence_rate decimal(18, 6), as_of_date date
);
insert into marts.mart_process_adherence values ('o1', 'Discovery', 0.5, '2026-03-31');

create table marts.mart_process_effect (
    stage varchar, criterion_code varchar, segment_type varchar, segment varchar,
    met_win_rate decimal(18, 6), missing_win_rate decimal(18, 6), as_of_date date
);
insert into marts.mart_process_effect values
    ('Discovery', 'stage_visited', 'company', 'All', 0.4, 0.3, '2026-03-31');

create table raw_salesforce."Opportunity" (
    "Id" varchar, "StageName" varchar, "Amount" varchar, "CurrencyIsoCode" varchar,
    "IsDeleted" varchar, "CreatedDate" varchar, "SystemModstamp" varchar, _load_id bigint,
    _row bigint
);
insert into raw_salesforce."Opportunity" values
    ('o1', 'Discovery', '1000', 'EUR', 'false', '2026-03-02T09:00:00Z', '2026-03-02T09:00:00Z', 1,
     1),
    ('o2', 'Discovery', '700', 'USD', 'false', '2026-01-05T09:00:00Z', '2026-01-05T09:00:00Z', 1,
     2),
    ('o2', 'closed won', '500', 'USD', 'false', '2026-01-05T09:00:00Z', '2026-03-10T12:00:00Z', 1,
     3),
    ('o2', 'Closed Won', '-9', 'USD', 'false', '2026-01-05T09:00:00Z', '2026-03-11T12:00:00Z', 1,
     4),
    ('o2', 'Closed Won', '999', 'USD', 'false', '2026-01-05T09:00:00Z', '2026-04-01T00:00:00Z', 1,
     5),
    ('o3', 'Closed Won', '800', 'USD', 'true', '2026-01-05T09:00:00Z', '2026-03-10T12:00:00Z', 1,
     6),
    ('o4', 'Closed Won', '800', 'USD', 'false', '2026-04-02T09:00:00Z', '2026-04-02T09:00:00Z', 1,
     7);
create table quarantine."salesforce__Opportunity" as
select *, 'Amount is negative' as reason, 'G1' as gate, timestamp '2026-04-01' as refused_at,
    cast(null as bigint) as released_load_id
from raw_salesforce."Opportunity" where _row = 4;
"""

VERSIONED = ("account", "contact", "lead", "user", "territory")


def build(folder: Path, *changes: str) -> Path:
    """The company's database, with further SQL statements applied; its path."""
    database = folder / "warehouse.duckdb"
    with duckdb.connect(str(database)) as con:
        con.execute(TABLES)
        for entity in VERSIONED:
            con.execute(
                f"create table core.dim_{entity} ({entity}_key varchar, {entity}_id varchar, "
                "valid_from timestamp, valid_to timestamp, is_current boolean); "
                f"insert into core.dim_{entity} values "
                f"('{entity}-1-a', '{entity}-1', '2026-01-01', '2026-02-01', false), "
                f"('{entity}-1-b', '{entity}-1', '2026-02-01', null, true)"
            )
            for flag in ("is_deleted", "is_inferred", "is_converted"):
                con.execute(
                    f"alter table core.dim_{entity} add column {flag} boolean default false"
                )
        for change in changes:
            con.execute(change)
    return database
