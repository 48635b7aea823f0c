with

targets as (
    select * from {{ ref('dim_target') }}
),

metrics as (
    select * from {{ ref('dim_metric') }}
    where is_current
),

reporting_periods as (
    select * from {{ ref('mart_reporting_period') }}
),

kpis as (
    select * from {{ ref('mart_exec_kpi') }}
),

quota_attainment as (
    select * from {{ ref('mart_quota_attainment') }}
    where quota_amount > 0
),

risk_verdicts as (
    select * from {{ ref('mart_deal_risk_backtest') }}
    where scope = 'month_end' and flag = 'any_flag' and outcome = 'lost_or_slipped'
),

-- what models are judged by and targets are set for; the lead score names it as its metrics
backtests as (
    select
        *,
        case model_name
            when 'opportunity_score' then 'deal_prediction_accuracy'
            else metric
        end as target_metric
    from {{ source('ml', 'ml_backtest') }}
    where
        (model_name = 'opportunity_score' and metric = 'accuracy')
        or (
            model_name = 'lead_score'
            and metric in ('lead_score_r2', 'high_score_close_rate', 'low_score_close_rate')
        )
),

model_versions as (
    select * from {{ source('ml', 'ml_model_registry') }}
),

-- the forecast is the managers' commit of four weeks before the end of the quarter
forecasts as (
    select * from {{ ref('mart_forecast_accuracy') }}
    where forecaster = 'manager' and weeks_to_close = 4
),

nodes as (
    select * from {{ ref('bridge_user_node') }}
),

clock as (
    select {{ as_of_date() }} as as_of_date
),

-- Periods by their place in their own year, calendar or fiscal.
years as (
    select
        period_type as year_type,
        period_start as year_start,
        period_end as year_end,
        prior_period_start is not null as is_whole_in_the_data
    from reporting_periods
    where period_type in ('year', 'fiscal_year')
),

placed as (
    select
        reporting_periods.*,
        years.year_start,
        years.is_whole_in_the_data,
        row_number() over (
            partition by reporting_periods.period_type, years.year_start
            order by reporting_periods.period_start
        ) as place_in_year
    from reporting_periods
    inner join years
        on
            reporting_periods.period_start between years.year_start and years.year_end
            and years.year_type = case
                when reporting_periods.period_type like 'fiscal%' then 'fiscal_year'
                else 'year'
            end
),

first_years as (
    select
        period_type,
        min(year_start) as year_start
    from placed
    where is_whole_in_the_data
    group by period_type
),

-- The period that a relative change is measured on; none for the first year itself.
periods as (
    select
        placed.period_type,
        placed.period_name,
        placed.period_start,
        placed.period_end,
        placed.is_complete_period,
        placed.prior_period_start,
        placed.prior_year_start,
        first_year_period.period_start as first_year_start
    from placed
    left join first_years on placed.period_type = first_years.period_type
    left join placed as first_year_period
        on
            first_years.period_type = first_year_period.period_type
            and first_years.year_start = first_year_period.year_start
            and placed.place_in_year = first_year_period.place_in_year
            and placed.year_start > first_year_period.year_start
),

-- What each metric was, period by period and node by node.
role_figures as (
    select
        periods.period_type,
        periods.period_start,
        quota_attainment.role,
        quota_attainment.measure,
        sum(quota_attainment.attained_amount) as attained_amount,
        count(distinct quota_attainment.user_id) as seller_count
    from quota_attainment
    inner join periods
        on
            quota_attainment.period_start >= periods.period_start
            and quota_attainment.period_end <= periods.period_end
    where quota_attainment.role is not null
    group by
        periods.period_type,
        periods.period_start,
        quota_attainment.role,
        quota_attainment.measure
),

risk_figures as (
    select
        periods.period_type,
        periods.period_start,
        sum(risk_verdicts.right_count) as right_count,
        sum(risk_verdicts.deal_count) as deal_count
    from risk_verdicts
    inner join periods
        on risk_verdicts.snapshot_date between periods.period_start and periods.period_end
    group by periods.period_type, periods.period_start
),

-- The accuracy of a quarter is what the latest version that was judged on deals of the quarter
-- reached: the backtest begins in it.
model_figures as (
    select
        periods.period_type,
        periods.period_start,
        backtests.target_metric,
        backtests.value as actual_value,
        row_number() over (
            partition by backtests.target_metric, periods.period_type, periods.period_start
            order by model_versions.trained_as_of desc, backtests.model_version desc
        ) as recency
    from backtests
    inner join model_versions on backtests.model_version = model_versions.model_version
    inner join periods
        on backtests.origin_date between periods.period_start and periods.period_end
),

actuals as (
    select
        kpi as metric,
        period_type,
        period_start,
        case segment_type
            when 'sales_region' then 'region'
            when 'region' then 'account_region'
            else segment_type
        end as node_type,
        segment as node_id,
        value as actual_value
    from kpis
    union all
    select
        case measure
            when 'bookings' then 'bookings_per_seller'
            else 'qualified_opportunities_per_seller'
        end as metric,
        period_type,
        period_start,
        'role' as node_type,
        role as node_id,
        cast(cast(attained_amount as double) / seller_count as decimal(28, 6)) as actual_value
    from role_figures
    where measure in ('bookings', 'qualified_opportunities')
    union all
    select
        'pipeline_risk_accuracy' as metric,
        period_type,
        period_start,
        'company' as node_type,
        'All' as node_id,
        cast(
            cast(right_count as double) / nullif(cast(deal_count as double), 0)
            as decimal(28, 6)
        ) as actual_value
    from risk_figures
    union all
    select
        target_metric as metric,
        period_type,
        period_start,
        'company' as node_type,
        'All' as node_id,
        cast(actual_value as decimal(28, 6)) as actual_value
    from model_figures
    where recency = 1
    union all
    select
        'forecast_accuracy' as metric,
        'fiscal_quarter' as period_type,
        period_start,
        node_type,
        node_id,
        cast(accuracy_rate as decimal(28, 6)) as actual_value
    from forecasts
    union all
    select
        'forecast_error' as metric,
        'fiscal_quarter' as period_type,
        period_start,
        node_type,
        node_id,
        cast(1 - accuracy_rate as decimal(28, 6)) as actual_value
    from forecasts
),

-- Each target in every period in which it holds. One that no mart measures, or that holds in no
-- period so far, is shown once, for its phase.
dated as (
    select
        targets.target_id,
        periods.period_type,
        periods.period_name,
        periods.period_start,
        periods.period_end,
        periods.is_complete_period,
        case targets.baseline
            when 'first_year' then periods.first_year_start
            when 'prior_year' then periods.prior_year_start
            when 'prior_period' then periods.prior_period_start
        end as baseline_period_start
    from targets
    inner join periods
        on
            targets.period_type = periods.period_type
            and (targets.valid_from is null or targets.valid_from <= periods.period_start)
            and (targets.valid_to is null or targets.valid_to > periods.period_start)
    where targets.mart is not null
),

undated as (
    select
        targets.target_id,
        'phase' as period_type,
        targets.phase as period_name,
        targets.valid_from as period_start,
        cast({{ dbt.dateadd('day', -1, 'targets.valid_to') }} as date) as period_end,
        coalesce(targets.valid_to <= clock.as_of_date, false) as is_complete_period,
        cast(null as date) as baseline_period_start
    from targets
    cross join clock
    left join dated on targets.target_id = dated.target_id
    where dated.target_id is null
),

target_periods as (
    select * from dated
    union all
    select * from undated
),

set_targets as (
    select
        targets.target_id,
        targets.metric,
        target_periods.period_type,
        target_periods.period_name,
        target_periods.period_start,
        target_periods.period_end,
        target_periods.is_complete_period,
        targets.node_type,
        targets.node_id,
        targets.node_id as node_name,
        targets.phase,
        targets.comparison,
        targets.measured_as,
        targets.unit,
        targets.target_value,
        targets.mart,
        targets.baseline,
        target_periods.baseline_period_start,
        coalesce(baselines.actual_value, targets.baseline_value) as baseline_value,
        actuals.actual_value,
        targets.source_id,
        targets.source_document
    from target_periods
    inner join targets on target_periods.target_id = targets.target_id
    left join actuals
        on
            targets.metric = actuals.metric
            and targets.node_type = actuals.node_type
            and targets.node_id = actuals.node_id
            and target_periods.period_type = actuals.period_type
            and target_periods.period_start = actuals.period_start
    left join actuals as baselines
        on
            targets.metric = baselines.metric
            and targets.node_type = baselines.node_type
            and targets.node_id = baselines.node_id
            and target_periods.period_type = baselines.period_type
            and target_periods.baseline_period_start = baselines.period_start
),

-- Quotas are targets of everybody whom the seller reported to when the quota's period ended.
quotas as (
    select
        quota_attainment.measure,
        nodes.node_type,
        nodes.node_id,
        nodes.node_name,
        periods.period_type,
        periods.period_name,
        periods.period_start,
        periods.period_end,
        periods.is_complete_period,
        sum(quota_attainment.quota_amount) as quota_amount,
        sum(quota_attainment.attained_amount) as attained_amount
    from quota_attainment
    inner join nodes
        on
            quota_attainment.user_id = nodes.user_id
            and {{ holds_at(
                'nodes',
                'cast(least(quota_attainment.period_end, quota_attainment.as_of_date)'
                ~ ' as timestamp)'
            ) }}
    inner join periods
        on
            quota_attainment.period_start >= periods.period_start
            and quota_attainment.period_end <= periods.period_end
            and periods.period_type in ('month', 'fiscal_quarter', 'fiscal_year')
    group by
        quota_attainment.measure,
        nodes.node_type,
        nodes.node_id,
        nodes.node_name,
        periods.period_type,
        periods.period_name,
        periods.period_start,
        periods.period_end,
        periods.is_complete_period
),

quota_targets as (
    select
        'quota-' || quotas.measure as target_id,
        case quotas.measure
            when 'qualified_opportunities' then 'opportunities_qualified'
            else quotas.measure
        end as metric,
        quotas.period_type,
        quotas.period_name,
        quotas.period_start,
        quotas.period_end,
        quotas.is_complete_period,
        quotas.node_type,
        quotas.node_id,
        quotas.node_name,
        'always' as phase,
        'at_least' as comparison,
        'value' as measured_as,
        case quotas.measure when 'bookings' then 'currency' else 'deals' end as unit,
        cast(quotas.quota_amount as decimal(28, 6)) as target_value,
        'mart_quota_attainment' as mart,
        cast(null as {{ dbt.type_string() }}) as baseline,
        cast(null as date) as baseline_period_start,
        cast(null as decimal(28, 6)) as baseline_value,
        cast(quotas.attained_amount as decimal(28, 6)) as actual_value,
        'fct_quota' as source_id,
        'Quotas' as source_document
    from quotas
),

-- The pipeline that the quotas of a fiscal quarter call for, at the company's win rate by value
-- over the four quarters before.
trailing_win_rates as (
    select
        period_start,
        sum(numerator) over four_quarters as won_amount,
        sum(denominator) over four_quarters as decided_amount,
        count(*) over four_quarters as quarter_count
    from kpis
    where
        period_type = 'fiscal_quarter'
        and segment_type = 'company'
        and kpi = 'win_rate_value'
    window four_quarters as (order by period_start rows between 4 preceding and 1 preceding)
),

pipeline_targets as (
    select
        'T-26-pipeline_created' as target_id,
        'pipeline_created' as metric,
        quota_targets.period_type,
        quota_targets.period_name,
        quota_targets.period_start,
        quota_targets.period_end,
        quota_targets.is_complete_period,
        quota_targets.node_type,
        quota_targets.node_id,
        quota_targets.node_name,
        quota_targets.phase,
        quota_targets.comparison,
        quota_targets.measured_as,
        quota_targets.unit,
        cast(
            cast(quota_targets.target_value as double)
            * cast(trailing_win_rates.decided_amount as double)
            / nullif(cast(trailing_win_rates.won_amount as double), 0)
            as decimal(28, 6)
        ) as target_value,
        'mart_exec_kpi' as mart,
        quota_targets.baseline,
        quota_targets.baseline_period_start,
        quota_targets.baseline_value,
        actuals.actual_value,
        'T-26' as source_id,
        'Quotas over the win rate' as source_document
    from quota_targets
    inner join trailing_win_rates
        on
            quota_targets.period_start = trailing_win_rates.period_start
            and trailing_win_rates.quarter_count = 4
            and trailing_win_rates.won_amount > 0
    left join actuals
        on
            quota_targets.node_type = actuals.node_type
            and quota_targets.node_id = actuals.node_id
            and quota_targets.period_type = actuals.period_type
            and quota_targets.period_start = actuals.period_start
            and actuals.metric = 'pipeline_created'
    where
        quota_targets.target_id = 'quota-bookings'
        and quota_targets.period_type = 'fiscal_quarter'
        and quota_targets.node_type in ('company', 'region', 'team')
),

all_targets as (
    select * from set_targets
    union all
    select * from quota_targets
    union all
    select * from pipeline_targets
),

measured as (
    select
        *,
        case measured_as
            when 'value' then actual_value
            when 'relative_change'
                then
                    cast(
                        cast(actual_value - baseline_value as double)
                        / nullif(cast(baseline_value as double), 0)
                        as decimal(28, 6)
                    )
        end as measured_value
    from all_targets
),

judged as (
    select
        *,
        case comparison
            when 'at_least' then measured_value >= target_value
            when 'more_than' then measured_value > target_value
            when 'at_most' then measured_value <= target_value
            when 'less_than' then measured_value < target_value
        end as is_met,
        case
            when comparison in ('at_least', 'more_than') then measured_value - target_value
            else target_value - measured_value
        end as gap,
        case
            when comparison in ('at_least', 'more_than') or measured_as = 'relative_change'
                then {{ rate('measured_value', 'target_value') }}
            else {{ rate('target_value', 'measured_value') }}
        end as attainment_rate
    from measured
),

final as (
    select
        judged.target_id,
        judged.metric,
        metrics.name as metric_name,
        judged.period_type,
        judged.period_name,
        judged.period_start,
        judged.period_end,
        judged.is_complete_period,
        judged.node_type,
        judged.node_id,
        judged.node_name,
        judged.phase,
        judged.comparison,
        judged.measured_as,
        judged.unit,
        judged.target_value,
        judged.actual_value,
        judged.baseline,
        judged.baseline_period_start,
        judged.baseline_value,
        judged.measured_value,
        cast(judged.gap as decimal(28, 6)) as gap,
        judged.attainment_rate,
        judged.is_met,
        case
            when judged.mart is null then 'not_measured'
            when judged.is_met is null then 'no_actual_yet'
            when not judged.is_complete_period then 'running'
            when judged.is_met then 'met'
            else 'missed'
        end as status,
        judged.mart as measured_by,
        judged.source_id,
        judged.source_document,
        clock.as_of_date
    from judged
    cross join clock
    left join metrics on judged.metric = metrics.metric
)

select * from final
order by period_start, period_type, target_id, node_type, node_id
