{#- From the surest on: a category's cumulative figure holds it and those before it. -#}
{%- set categories = ['closed', 'commit', 'best_case', 'pipeline'] -%}

with

dates as (
    select * from {{ ref('dim_date') }}
),

daily as (
    select * from {{ ref('fct_opportunity_daily') }}
),

deals as (
    select * from {{ ref('mart_forecast_deal') }}
    where period_offset <= 1
),

calls as (
    select * from {{ ref('mart_forecast_call') }}
),

quotas as (
    select * from {{ ref('fct_quota') }}
),

hierarchy as (
    select * from {{ ref('bridge_user_hierarchy') }}
),

user_nodes as (
    select * from {{ ref('bridge_user_node') }}
),

categories as (
    {% for category in categories -%}
    select
        '{{ category }}' as category,
        {{ loop.index }} as category_order
    {{ "union all" if not loop.last }}
    {% endfor %}
),

{{ forecast_snapshots(periods_ahead=1) }},

{{ quota_positions() }},

positions as (
    select
        snapshot_date,
        period_start,
        owner_user_id as user_id,
        category,
        count(*) as opportunity_count,
        sum(coalesce(amount, 0)) as amount,
        sum(coalesce(amount_constant, 0)) as amount_constant
    from deals
    group by
        snapshot_date,
        period_start,
        owner_user_id,
        category
),

owner_days as (
    select
        user_id,
        snapshot_date as date_day
    from positions
    union
    select
        user_id,
        snapshot_date as date_day
    from quota_positions
    union
    select
        user_id,
        snapshot_date as date_day
    from calls
),

nodes as (
    {{ nodes_of_owner_days('owner_days', 'user_nodes') }}
),

node_positions as (
    select
        positions.snapshot_date,
        positions.period_start,
        nodes.hierarchy,
        nodes.node_type,
        nodes.node_id,
        positions.category,
        cast(sum(positions.opportunity_count) as bigint) as opportunity_count,
        cast(sum(positions.amount) as decimal(18, 2)) as amount,
        cast(sum(positions.amount_constant) as decimal(18, 2)) as amount_constant
    from positions
    inner join nodes
        on
            positions.user_id = nodes.user_id
            and positions.snapshot_date = nodes.date_day
    group by
        positions.snapshot_date,
        positions.period_start,
        nodes.hierarchy,
        nodes.node_type,
        nodes.node_id,
        positions.category
),

node_quotas as (
    select
        quota_positions.snapshot_date,
        quota_positions.period_start,
        nodes.hierarchy,
        nodes.node_type,
        nodes.node_id,
        {{ node_quota('quota_positions', 'nodes') }} as quota_amount
    from quota_positions
    inner join nodes
        on
            quota_positions.user_id = nodes.user_id
            and quota_positions.snapshot_date = nodes.date_day
    group by
        quota_positions.snapshot_date,
        quota_positions.period_start,
        nodes.hierarchy,
        nodes.node_type,
        nodes.node_id
),

called as (
    select
        calls.*,
        nodes.hierarchy,
        nodes.node_type,
        nodes.node_id,
        -- a manager's call is the team's: it stands for the manager's node, not for own deals
        case nodes.node_type
            when 'company' then calls.is_highest
            when 'manager' then nodes.node_id = calls.user_id
            when 'rep' then calls.is_lowest
            else false
        end as is_of_owner
    from calls
    inner join nodes
        on
            calls.user_id = nodes.user_id
            and calls.snapshot_date = nodes.date_day
),

node_calls as (
    select
        snapshot_date,
        period_start,
        hierarchy,
        node_type,
        node_id,
        category,
        cast(sum(case when is_of_owner then call_amount end) as decimal(18, 2))
            as submission_amount,
        cast(sum(case when is_of_owner then call_amount_constant end) as decimal(18, 2))
            as submission_amount_constant,
        max(case when is_of_owner then submitted_at end) as submitted_at,
        cast(
            sum(case when is_of_owner and node_type <> 'company' then override_amount end)
            as decimal(18, 2)
        ) as superior_amount,
        cast(sum(case when is_lowest then call_amount end) as decimal(18, 2))
            as rep_submission_amount,
        cast(count(case when is_lowest then call_amount end) as bigint) as rep_submission_count,
        cast(sum(case when is_lowest then override_amount end) as decimal(18, 2))
            as override_amount,
        cast(count(case when is_lowest then override_amount end) as bigint) as override_count,
        cast(sum(case when is_lowest then adjustment_amount end) as decimal(18, 2))
            as adjustment_amount
    from called
    group by
        snapshot_date,
        period_start,
        hierarchy,
        node_type,
        node_id,
        category
),

shown as (
    select
        snapshot_date,
        period_start,
        hierarchy,
        node_type,
        node_id
    from node_positions
    union
    select
        snapshot_date,
        period_start,
        hierarchy,
        node_type,
        node_id
    from node_quotas
    union
    select
        snapshot_date,
        period_start,
        hierarchy,
        node_type,
        node_id
    from node_calls
),

node_names as (
    select
        node_type,
        node_id,
        max(node_name) as node_name
    from user_nodes
    group by
        node_type,
        node_id
),

combined as (
    select
        shown.snapshot_date,
        shown.period_start,
        shown.hierarchy,
        shown.node_type,
        shown.node_id,
        categories.category,
        categories.category_order,
        coalesce(node_positions.opportunity_count, 0) as opportunity_count,
        coalesce(node_positions.amount, 0) as amount,
        coalesce(node_positions.amount_constant, 0) as amount_constant,
        node_calls.submission_amount,
        node_calls.submission_amount_constant,
        node_calls.submitted_at,
        node_calls.superior_amount,
        node_calls.rep_submission_amount,
        coalesce(node_calls.rep_submission_count, 0) as rep_submission_count,
        node_calls.override_amount,
        coalesce(node_calls.override_count, 0) as override_count,
        node_calls.adjustment_amount,
        node_quotas.quota_amount
    from shown
    cross join categories
    left join node_positions
        on
            shown.snapshot_date = node_positions.snapshot_date
            and shown.period_start = node_positions.period_start
            and shown.hierarchy = node_positions.hierarchy
            and shown.node_type = node_positions.node_type
            and shown.node_id = node_positions.node_id
            and categories.category = node_positions.category
    left join node_calls
        on
            shown.snapshot_date = node_calls.snapshot_date
            and shown.period_start = node_calls.period_start
            and shown.hierarchy = node_calls.hierarchy
            and shown.node_type = node_calls.node_type
            and shown.node_id = node_calls.node_id
            and categories.category = node_calls.category
    left join node_quotas
        on
            shown.snapshot_date = node_quotas.snapshot_date
            and shown.period_start = node_quotas.period_start
            and shown.hierarchy = node_quotas.hierarchy
            and shown.node_type = node_quotas.node_type
            and shown.node_id = node_quotas.node_id
),

{#- a window over the four categories of a node -#}
{%- set up_to_here %}
over (
            partition by snapshot_date, period_start, hierarchy, node_type, node_id
            order by category_order
            rows between unbounded preceding and current row
        )
{%- endset %}

cumulated as (
    select
        *,
        sum(amount) {{ up_to_here }} as cumulative_amount,
        sum(amount_constant) {{ up_to_here }} as cumulative_amount_constant,
        sum(opportunity_count) {{ up_to_here }} as cumulative_opportunity_count
    from combined
),

final as (
    select
        forecast_snapshots.period_name,
        cumulated.period_start,
        forecast_snapshots.period_end,
        cumulated.snapshot_date,
        forecast_snapshots.period_offset,
        cast(floor(forecast_snapshots.days_to_close / 7.0) as integer) as weeks_to_close,
        cumulated.hierarchy,
        cumulated.node_type,
        cumulated.node_id,
        node_names.node_name,
        cumulated.category,
        cast(cumulated.opportunity_count as bigint) as opportunity_count,
        cast(cumulated.amount as decimal(18, 2)) as amount,
        cast(cumulated.amount_constant as decimal(18, 2)) as amount_constant,
        cast(cumulated.cumulative_opportunity_count as bigint) as cumulative_opportunity_count,
        cast(cumulated.cumulative_amount as decimal(18, 2)) as cumulative_amount,
        cast(cumulated.cumulative_amount_constant as decimal(18, 2)) as cumulative_amount_constant,
        cumulated.submission_amount,
        cumulated.submission_amount_constant,
        cumulated.submitted_at,
        cumulated.superior_amount,
        cumulated.rep_submission_amount,
        cast(cumulated.rep_submission_count as bigint) as rep_submission_count,
        cumulated.override_amount,
        cast(cumulated.override_count as bigint) as override_count,
        cumulated.adjustment_amount,
        cumulated.quota_amount,
        {{ as_of_date() }} as as_of_date
    from cumulated
    inner join forecast_snapshots
        on
            cumulated.snapshot_date = forecast_snapshots.snapshot_date
            and cumulated.period_start = forecast_snapshots.period_start
    left join node_names
        on
            cumulated.node_type = node_names.node_type
            and cumulated.node_id = node_names.node_id
)

select * from final
order by snapshot_date, period_start, hierarchy, node_type, node_id, category
