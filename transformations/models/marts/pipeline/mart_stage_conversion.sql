{%- set counts = [
    "entered_count", "skipped_count", "progressed_count", "open_count", "open_in_stage_count",
    "lost_count", "lost_from_stage_count", "won_count", "revisit_count"
] -%}

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
),

stages as (
    select * from {{ ref('canonical_stages') }}
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

open_stages as (
    select
        stage,
        stage_order
    from stages
    where is_open
),

-- The stays on the way to a win. A win that was undone is none; a loss leads nowhere.
held as (
    select
        stage_spans.opportunity_id,
        stage_spans.span_number,
        stage_spans.stage,
        stage_spans.stage_order,
        stage_spans.entered_at
    from stage_spans
    inner join opportunities on stage_spans.opportunity_id = opportunities.opportunity_id
    inner join stages on stage_spans.stage = stages.stage
    where stages.is_open or (stages.is_won and opportunities.is_won)
),

placed as (
    select
        *,
        lag(stage_order) over (
            partition by opportunity_id
            order by span_number
        ) as previous_order,
        max(stage_order) over (
            partition by opportunity_id
            order by span_number
            rows between 1 following and unbounded following
        ) as furthest_order_after,
        row_number() over (
            partition by opportunity_id
            order by span_number desc
        ) as recency
    from held
),

-- A deal arrives in a stage by entering it, or by passing over it from below.
arrivals as (
    select
        placed.opportunity_id,
        open_stages.stage,
        placed.span_number,
        placed.entered_at,
        placed.stage <> open_stages.stage as is_skip,
        placed.stage_order > open_stages.stage_order
        or coalesce(placed.furthest_order_after > open_stages.stage_order, false)
            as has_progressed,
        row_number() over (
            partition by placed.opportunity_id, open_stages.stage
            order by placed.span_number
        ) as arrival_number
    from placed
    inner join open_stages
        on
            placed.stage = open_stages.stage
            or (
                placed.previous_order < open_stages.stage_order
                and placed.stage_order > open_stages.stage_order
            )
),

revisits as (
    select
        opportunity_id,
        stage,
        count(*) as revisit_count
    from arrivals
    where arrival_number > 1 and not is_skip
    group by opportunity_id, stage
),

last_held as (
    select
        opportunity_id,
        stage
    from placed
    where recency = 1
),

-- One row per deal and stage, in the cohort of its first arrival.
outcomes as (
    select
        arrivals.stage,
        cast(arrivals.entered_at as date) as date_day,
        arrivals.is_skip,
        arrivals.has_progressed,
        last_held.stage = arrivals.stage as is_last_held,
        opportunities.is_open,
        opportunities.is_lost,
        opportunities.is_won,
        coalesce(revisits.revisit_count, 0) as revisit_count,
        {{ segment_columns('opportunities.opportunity_type') }}
    from arrivals
    inner join opportunities on arrivals.opportunity_id = opportunities.opportunity_id
    inner join last_held on arrivals.opportunity_id = last_held.opportunity_id
    left join revisits
        on
            arrivals.opportunity_id = revisits.opportunity_id
            and arrivals.stage = revisits.stage
    left join accounts on opportunities.account_id = accounts.account_id
    left join users on opportunities.owner_user_id = users.user_id
    where arrivals.arrival_number = 1
),

counted as (
    select
        stage,
        date_day,
        account_segment,
        region,
        sales_region,
        deal_type,
        team,
        count(*) as entered_count,
        sum(case when is_skip then 1 else 0 end) as skipped_count,
        sum(case when has_progressed then 1 else 0 end) as progressed_count,
        sum(case when is_open and not has_progressed then 1 else 0 end) as open_count,
        sum(case when is_open and not has_progressed and is_last_held then 1 else 0 end)
            as open_in_stage_count,
        sum(case when is_lost and not has_progressed then 1 else 0 end) as lost_count,
        sum(case when is_lost and not has_progressed and is_last_held then 1 else 0 end)
            as lost_from_stage_count,
        sum(case when is_won then 1 else 0 end) as won_count,
        sum(revisit_count) as revisit_count
    from outcomes
    group by stage, date_day, account_segment, region, sales_region, deal_type, team
),

segmented as (
    select
        counted.*,
        segment_types.segment_type,
        {{ segment() }} as segment
    from counted
    cross join segment_types
),

totals as (
    select
        {%- for count in counts %}
        sum(segmented.{{ count }}) as {{ count }},
        {%- endfor %}
        reporting_periods.period_type,
        reporting_periods.period_start,
        segmented.segment_type,
        segmented.segment,
        segmented.stage
    from segmented
    inner join reporting_periods
        on
            segmented.date_day
            between reporting_periods.period_start and reporting_periods.period_to_date
    group by
        reporting_periods.period_type,
        reporting_periods.period_start,
        segmented.segment_type,
        segmented.segment,
        segmented.stage
),

segments as (
    select distinct
        segment_type,
        segment
    from segmented
),

-- Every period shows every segment and stage, also where no deal arrived.
grid as (
    select
        reporting_periods.*,
        segments.segment_type,
        segments.segment,
        open_stages.stage,
        open_stages.stage_order
    from reporting_periods
    cross join segments
    cross join open_stages
),

filled as (
    select
        {%- for count in counts %}
        cast(coalesce(totals.{{ count }}, 0) as bigint) as {{ count }},
        {%- endfor %}
        grid.*
    from grid
    left join totals
        on
            grid.period_type = totals.period_type
            and grid.period_start = totals.period_start
            and grid.segment_type = totals.segment_type
            and grid.segment = totals.segment
            and grid.stage = totals.stage
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
        entered_count,
        skipped_count,
        progressed_count,
        open_count,
        open_in_stage_count,
        lost_count,
        lost_from_stage_count,
        won_count,
        revisit_count,
        {{ rate('progressed_count', 'entered_count') }} as conversion_rate,
        {{ wilson_bound('progressed_count', 'entered_count', 'low') }} as conversion_rate_low,
        {{ wilson_bound('progressed_count', 'entered_count', 'high') }} as conversion_rate_high,
        {{ rate('won_count', 'entered_count') }} as win_rate,
        {{ rate('progressed_count + lost_count', 'entered_count') }} as maturity_rate,
        {{ day_count('period_to_date', 'as_of_date') }} - 1 as cohort_age_days,
        as_of_date
    from filled
)

select * from final
order by period_start, period_type, segment_type, segment, stage_order
