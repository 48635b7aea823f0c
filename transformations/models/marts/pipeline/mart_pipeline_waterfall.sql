{{ config(post_hook="{{ create_pipeline_functions() }}") }}

{#- Not every pair of evenings: those that are not here are had on demand. -#}
{%- set kept_weeks = var('waterfall_pairs')['weeks'] -%}
{%- set rolling_days = var('waterfall_pairs')['rolling_days'] -%}
{#- Which open deals a waterfall is about, by the range of their close dates, and the kinds of
    period for which it is shown. -#}
{%- set scopes = {
    "due_in_month": ["month"],
    "due_in_quarter": ["week", "month", "fiscal_quarter", "rolling"],
    "due_in_next_quarter": ["week", "month", "fiscal_quarter", "rolling"],
    "due_in_year": ["fiscal_year"],
} -%}

with

daily as (
    select * from {{ ref('fct_opportunity_daily') }}
),

currencies as (
    select * from {{ ref('dim_currency') }}
),

user_nodes as (
    select * from {{ ref('bridge_user_node') }}
),

reporting_periods as (
    select * from {{ ref('mart_reporting_period') }}
),

dates as (
    select * from {{ ref('dim_date') }}
),

clock as (
    select {{ as_of_date() }} as as_of_date
),

opportunity_days as (
    {{ constant_opportunity_days('daily', 'currencies') }}
),

weeks as (
    select
        dates.week_start_date,
        dates.week_end_date,
        dates.iso_week_name,
        row_number() over (order by dates.week_start_date desc) as recency
    from dates
    cross join clock
    where
        dates.date_day <= clock.as_of_date
        and dates.date_day >= (select min(opportunity_days.date_day) from opportunity_days)
    group by
        dates.week_start_date,
        dates.week_end_date,
        dates.iso_week_name
),

periods as (
    select
        period_type,
        period_type as period_kind,
        period_name,
        period_start,
        period_end
    from reporting_periods
    where period_type in ('month', 'fiscal_quarter', 'fiscal_year')
    union all
    select
        'week' as period_type,
        'week' as period_kind,
        iso_week_name as period_name,
        week_start_date as period_start,
        week_end_date as period_end
    from weeks
    where recency <= {{ kept_weeks }}
    {%- for days in rolling_days %}
    union all
    select
        'last_{{ days }}_days' as period_type,
        'rolling' as period_kind,
        'Last {{ days }} days' as period_name,
        {{ days_after(1 - days, 'as_of_date') }} as period_start,
        as_of_date as period_end
    from clock
    {%- endfor %}
),

-- the evening before the period is the evening at which the one before it ended
spans as (
    select
        periods.*,
        {{ days_after(-1, 'periods.period_start') }} as from_date,
        least(periods.period_end, clock.as_of_date) as to_date,
        clock.as_of_date
    from periods
    cross join clock
),

quarters as (
    select
        spans.*,
        dates.fiscal_quarter_start_date as quarter_start_date,
        dates.fiscal_quarter_end_date as quarter_end_date,
        next_dates.fiscal_quarter_start_date as next_quarter_start_date,
        next_dates.fiscal_quarter_end_date as next_quarter_end_date
    from spans
    inner join dates
        on spans.to_date = dates.date_day
    left join dates as next_dates
        on {{ days_after(1, 'dates.fiscal_quarter_end_date') }} = next_dates.date_day
),

scoped_periods as (
    select
        *,
        'all_open' as scope,
        cast(null as date) as due_from,
        cast(null as date) as due_to
    from quarters
    {%- for scope, kinds in scopes.items() %}
    {%- set range = {
        "due_in_quarter": ["quarter_start_date", "quarter_end_date"],
        "due_in_next_quarter": ["next_quarter_start_date", "next_quarter_end_date"],
    }.get(scope, ["period_start", "period_end"]) %}
    union all
    select
        *,
        '{{ scope }}' as scope,
        {{ range[0] }} as due_from,
        {{ range[1] }} as due_to
    from quarters
    where
        period_kind in (
            {%- for kind in kinds %}
            '{{ kind }}'{{ "," if not loop.last }}
            {%- endfor %}
        )
        and {{ range[0] }} is not null
    {%- endfor %}
),

asked as (
    select distinct
        from_date,
        to_date,
        due_from,
        due_to
    from scoped_periods
),

{{ pipeline_changes() }},

{{ pipeline_waterfall() }},

final as (
    select
        scoped_periods.period_type,
        scoped_periods.period_name,
        scoped_periods.period_start,
        scoped_periods.period_end,
        scoped_periods.from_date,
        scoped_periods.to_date,
        scoped_periods.period_end <= scoped_periods.as_of_date as is_complete_period,
        scoped_periods.scope,
        scoped_periods.due_from,
        scoped_periods.due_to,
        pipeline_waterfall.hierarchy,
        pipeline_waterfall.node_type,
        pipeline_waterfall.node_id,
        pipeline_waterfall.node_name,
        pipeline_waterfall.bucket,
        cast(pipeline_waterfall.bucket_order as integer) as bucket_order,
        pipeline_waterfall.opportunity_count,
        pipeline_waterfall.amount,
        pipeline_waterfall.amount_constant,
        scoped_periods.as_of_date
    from scoped_periods
    inner join pipeline_waterfall
        on
            scoped_periods.from_date = pipeline_waterfall.from_date
            and scoped_periods.to_date = pipeline_waterfall.to_date
            and scoped_periods.due_from is not distinct from pipeline_waterfall.due_from
            and scoped_periods.due_to is not distinct from pipeline_waterfall.due_to
)

select * from final
order by from_date, to_date, period_type, scope, hierarchy, node_type, node_id, bucket_order
