{%- set keys = ["period_type", "period_start", "segment_type", "segment", "stage"] -%}
{%- set clocks = ["days", "business_days"] -%}

with

reporting_periods as (
    select * from {{ ref('mart_reporting_period') }}
),

opportunities as (
    select * from {{ ref('fct_opportunity') }}
    where not is_deleted and not {{ is_false_record('loss_reason') }}
),

stage_spans as (
    select * from {{ ref('fct_opportunity_stage_span') }}
    where is_open_stage
),

stages as (
    select * from {{ ref('canonical_stages') }}
    where is_open
),

dates as (
    select * from {{ ref('dim_date') }}
),

accounts as (
    select * from {{ ref('dim_account') }}
    where is_current
),

users as (
    select * from {{ ref('dim_user') }}
    where is_current
),

segment_types as (
    {{ segment_types() }}
),

numbered_dates as (
    select
        date_day,
        sum(case when is_business_day then 1 else 0 end) over (
            order by date_day
            rows between unbounded preceding and current row
        ) as business_day_number
    from dates
),

-- All visits of a deal to a stage are one stay. It is finished when the deal is not there now.
stays as (
    select
        stage_spans.opportunity_id,
        stage_spans.stage,
        cast(min(stage_spans.entered_at) as date) as date_day,
        count(*) as visit_count,
        count(*) = count(stage_spans.exited_at) as is_finished,
        cast(sum(stage_spans.days_in_stage) as decimal(18, 1)) as days,
        cast(sum(exits.business_day_number - entries.business_day_number) as integer)
            as business_days
    from stage_spans
    inner join opportunities on stage_spans.opportunity_id = opportunities.opportunity_id
    left join numbered_dates as entries
        on cast(stage_spans.entered_at as date) = entries.date_day
    left join numbered_dates as exits
        on
            coalesce(cast(stage_spans.exited_at as date), opportunities.as_of_date)
            = exits.date_day
    group by stage_spans.opportunity_id, stage_spans.stage
),

cohorts as (
    select
        reporting_periods.period_type,
        reporting_periods.period_start,
        stays.*,
        {{ segment_columns('opportunities.opportunity_type') }}
    from stays
    inner join opportunities on stays.opportunity_id = opportunities.opportunity_id
    inner join reporting_periods
        on
            stays.date_day
            between reporting_periods.period_start and reporting_periods.period_to_date
    left join accounts on opportunities.account_id = accounts.account_id
    left join users on opportunities.owner_user_id = users.user_id
),

segmented as (
    select
        cohorts.period_type,
        cohorts.period_start,
        segment_types.segment_type,
        {{ segment() }} as segment,
        cohorts.stage,
        cohorts.visit_count,
        cohorts.is_finished,
        cohorts.days,
        cohorts.business_days
    from cohorts
    cross join segment_types
),

totals as (
    select
        {{ keys | join(", ") }},
        count(*) as deal_count,
        sum(visit_count) as visit_count,
        sum(case when is_finished then 1 else 0 end) as finished_count,
        sum(case when is_finished then days else 0 end) as finished_days
    from segmented
    group by {{ keys | join(", ") }}
),

{% for clock in clocks -%}
{{ clock }}_curves as (
    {{ event_curve('segmented', keys, clock, {'finished': 'is_finished'}) }}
),

{{ clock }}_quantiles as (
    select
        {{ keys | join(", ") }},
        {{ curve_quantile(clock, 0.5) }} as median_{{ clock }},
        {{ curve_quantile(clock, 0.75) }} as p75_{{ clock }}
    from {{ clock }}_curves
    group by {{ keys | join(", ") }}
),

{% endfor -%}

segments as (
    select distinct
        segment_type,
        segment
    from segmented
),

-- Every period shows every segment and stage, also where no deal came.
grid as (
    select
        reporting_periods.*,
        segments.segment_type,
        segments.segment,
        stages.stage,
        stages.stage_order
    from reporting_periods
    cross join segments
    cross join stages
),

measured as (
    select
        grid.*,
        coalesce(totals.deal_count, 0) as deal_count,
        coalesce(totals.visit_count, 0) as visit_count,
        coalesce(totals.finished_count, 0) as finished_count,
        coalesce(totals.finished_days, 0) as finished_days,
        days_quantiles.median_days,
        days_quantiles.p75_days,
        business_days_quantiles.median_business_days,
        business_days_quantiles.p75_business_days
    from grid
    left join totals
        on
            grid.period_type = totals.period_type
            and grid.period_start = totals.period_start
            and grid.segment_type = totals.segment_type
            and grid.segment = totals.segment
            and grid.stage = totals.stage
    left join days_quantiles
        on
            grid.period_type = days_quantiles.period_type
            and grid.period_start = days_quantiles.period_start
            and grid.segment_type = days_quantiles.segment_type
            and grid.segment = days_quantiles.segment
            and grid.stage = days_quantiles.stage
    left join business_days_quantiles
        on
            grid.period_type = business_days_quantiles.period_type
            and grid.period_start = business_days_quantiles.period_start
            and grid.segment_type = business_days_quantiles.segment_type
            and grid.segment = business_days_quantiles.segment
            and grid.stage = business_days_quantiles.stage
),

final as (
    select
        period_type,
        period_name,
        period_start,
        period_end,
        is_complete_period,
        segment_type,
        segment,
        stage,
        cast(stage_order as integer) as stage_order,
        cast(deal_count as bigint) as deal_count,
        cast(finished_count as bigint) as finished_count,
        cast(deal_count - finished_count as bigint) as open_count,
        cast(visit_count as bigint) as visit_count,
        cast(finished_days as decimal(18, 1)) as finished_days,
        cast(finished_days / nullif(cast(finished_count as double), 0) as decimal(18, 1))
            as mean_finished_days,
        cast(median_days as decimal(18, 1)) as median_days,
        cast(p75_days as decimal(18, 1)) as p75_days,
        cast(median_business_days as integer) as median_business_days,
        cast(p75_business_days as integer) as p75_business_days,
        {{ rate('finished_count', 'deal_count') }} as maturity_rate,
        as_of_date
    from measured
)

select * from final
order by period_start, period_type, segment_type, segment, stage_order
