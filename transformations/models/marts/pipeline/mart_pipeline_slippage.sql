{%- set outcomes = {
    "won": "won", "lost": "lost", "deleted": "deleted", "pushed": "pushed", "still_due": "kept",
    "due_earlier": "scope_out"
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

opportunity_days as (
    {{ constant_opportunity_days('daily', 'currencies') }}
),

periods as (
    select
        *,
        {{ days_after(-1, 'period_start') }} as from_date,
        period_to_date as to_date
    from reporting_periods
    where period_type in ('month', 'fiscal_quarter')
),

asked as (
    select distinct
        from_date,
        to_date,
        period_start as due_from,
        period_end as due_to
    from periods
),

{{ pipeline_changes() }},

due as (
    select
        *,
        {{ dbt.datediff(
            'opening_close_date',
            'closing_close_date',
            'day'
        ) }} as days_moved
    from pipeline_changes
    where was_in
),

owner_days as (
    select distinct
        opening_owner_user_id as user_id,
        opening_day as date_day
    from due
),

owner_nodes as (
    {{ nodes_of_owner_days('owner_days', 'user_nodes') }}
),

totals as (
    select
        due.from_date,
        due.to_date,
        due.due_from,
        due.due_to,
        owner_nodes.hierarchy,
        owner_nodes.node_type,
        owner_nodes.node_id,
        owner_nodes.node_name,
        cast(count(*) as bigint) as due_count,
        cast(sum(due.opening_amount) as decimal(18, 2)) as due_amount,
        {% for outcome, bucket in outcomes.items() -%}
        cast(sum(case when due.bucket = '{{ bucket }}' then 1 else 0 end) as bigint)
            as {{ outcome }}_count,
        cast(
            sum(case when due.bucket = '{{ bucket }}' then due.opening_amount else 0 end)
            as decimal(18, 2)
        ) as {{ outcome }}_amount,
        {% endfor -%}
        cast(sum(case when due.bucket = 'pushed' then due.days_moved else 0 end) as bigint)
            as days_pushed
    from due
    inner join owner_nodes
        on
            due.opening_owner_user_id = owner_nodes.user_id
            and due.opening_day = owner_nodes.date_day
    group by
        due.from_date,
        due.to_date,
        due.due_from,
        due.due_to,
        owner_nodes.hierarchy,
        owner_nodes.node_type,
        owner_nodes.node_id,
        owner_nodes.node_name
),

final as (
    select
        periods.period_type,
        periods.period_name,
        periods.period_start,
        periods.period_end,
        periods.from_date,
        periods.to_date,
        periods.is_complete_period,
        totals.hierarchy,
        totals.node_type,
        totals.node_id,
        totals.node_name,
        totals.due_count,
        totals.due_amount,
        {% for outcome in outcomes -%}
        totals.{{ outcome }}_count,
        totals.{{ outcome }}_amount,
        {% endfor -%}
        totals.days_pushed,
        {{ rate('totals.pushed_count', 'totals.due_count') }} as slip_rate,
        {{ rate('totals.pushed_amount', 'totals.due_amount') }} as slip_amount_rate,
        periods.as_of_date
    from periods
    inner join totals
        on
            periods.from_date = totals.from_date
            and periods.to_date = totals.to_date
            and periods.period_start = totals.due_from
            and periods.period_end = totals.due_to
)

select * from final
order by period_start, period_type, hierarchy, node_type, node_id
