with

forecast_rules as (
    select * from {{ ref('forecast_rules') }}
),

dates as (
    select * from {{ ref('dim_date') }}
),

daily as (
    select * from {{ ref('fct_opportunity_daily') }}
),

events as (
    select * from {{ ref('fct_opportunity_event') }}
),

fx_rates as (
    select * from {{ ref('fct_fx_rate') }}
),

opportunities as (
    select * from {{ ref('fct_opportunity') }}
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

deals as (
    select * from {{ ref('mart_forecast_deal') }}
),

rules as (
    {{ forecast_rules('forecast_rules') }}
),

{{ forecast_snapshots(periods_ahead=2) }},

{{ closed_deals() }},

{{ quota_positions() }},

evenings as (
    select distinct snapshot_date as date_day from forecast_snapshots
),

-- how much of what was decided in the window before the evening was won, by whoever owned it
decided as (
    select
        evenings.date_day,
        coalesce(closed_deals.owner_user_id, 'unassigned') as user_id,
        count(*) as decided_count,
        cast(
            sum(case when closed_deals.is_won then coalesce(closed_deals.amount, 0) else 0 end)
            as decimal(18, 2)
        ) as won_amount,
        cast(sum(coalesce(closed_deals.amount, 0)) as decimal(18, 2)) as decided_amount
    from evenings
    cross join rules
    inner join closed_deals
        on
            evenings.date_day >= closed_deals.closed_date
            and {{ days_after('-rules.coverage_window_days', 'evenings.date_day') }}
            < closed_deals.closed_date
            and evenings.date_day >= closed_deals.from_date
            and (
                evenings.date_day < closed_deals.until_date
                or closed_deals.until_date is null
            )
    inner join opportunities on closed_deals.opportunity_id = opportunities.opportunity_id
    where opportunities.is_eligible_for_win_rate
    group by
        evenings.date_day,
        coalesce(closed_deals.owner_user_id, 'unassigned')
),

positions as (
    select
        snapshot_date as date_day,
        period_start,
        owner_user_id as user_id,
        sum(case when is_open then 1 else 0 end) as open_count,
        cast(sum(case when is_open then coalesce(amount, 0) else 0 end) as decimal(18, 2))
            as open_amount,
        cast(sum(case when is_open then 0 else coalesce(amount, 0) end) as decimal(18, 2))
            as booked_amount
    from deals
    group by
        snapshot_date,
        period_start,
        owner_user_id
),

owner_days as (
    select
        user_id,
        date_day
    from positions
    union
    select
        user_id,
        snapshot_date as date_day
    from quota_positions
    union
    select
        user_id,
        date_day
    from decided
),

nodes as (
    select
        owner_days.user_id,
        owner_days.date_day,
        user_nodes.node_type,
        user_nodes.node_id
    from owner_days
    inner join user_nodes
        on
            owner_days.user_id = user_nodes.user_id
            and {{ holds_at('user_nodes', end_of_day('owner_days.date_day')) }}
),

node_positions as (
    select
        positions.date_day,
        positions.period_start,
        nodes.node_type,
        nodes.node_id,
        cast(sum(positions.open_count) as bigint) as open_count,
        cast(sum(positions.open_amount) as decimal(18, 2)) as open_amount,
        cast(sum(positions.booked_amount) as decimal(18, 2)) as booked_amount
    from positions
    inner join nodes
        on
            positions.user_id = nodes.user_id
            and positions.date_day = nodes.date_day
    group by
        positions.date_day,
        positions.period_start,
        nodes.node_type,
        nodes.node_id
),

node_quotas as (
    select
        nodes.date_day,
        quota_positions.period_start,
        nodes.node_type,
        nodes.node_id,
        {{ node_quota('quota_positions', 'nodes') }} as quota_amount
    from quota_positions
    inner join nodes
        on
            quota_positions.user_id = nodes.user_id
            and quota_positions.snapshot_date = nodes.date_day
    group by
        nodes.date_day,
        quota_positions.period_start,
        nodes.node_type,
        nodes.node_id
),

node_decisions as (
    select
        decided.date_day,
        nodes.node_type,
        nodes.node_id,
        cast(sum(decided.decided_count) as bigint) as decided_count,
        cast(sum(decided.won_amount) as decimal(18, 2)) as won_amount,
        cast(sum(decided.decided_amount) as decimal(18, 2)) as decided_amount
    from decided
    inner join nodes
        on
            decided.user_id = nodes.user_id
            and decided.date_day = nodes.date_day
    group by
        decided.date_day,
        nodes.node_type,
        nodes.node_id
),

-- a rate of 0 asks for no coverage that could be reached, so it is no rate to plan with
usable_decisions as (
    select node_decisions.*
    from node_decisions
    cross join rules
    where
        node_decisions.decided_count >= rules.coverage_minimum_sample
        and node_decisions.won_amount > 0
),

company_decisions as (
    select * from node_decisions
    where
        node_type = 'company'
        and won_amount > 0
),

shown as (
    select
        date_day,
        period_start,
        node_type,
        node_id
    from node_positions
    union
    select
        date_day,
        period_start,
        node_type,
        node_id
    from node_quotas
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
        shown.date_day,
        shown.period_start,
        shown.node_type,
        shown.node_id,
        coalesce(node_positions.open_count, 0) as open_count,
        coalesce(node_positions.open_amount, 0) as open_amount,
        coalesce(node_positions.booked_amount, 0) as booked_amount,
        node_quotas.quota_amount,
        case
            when
                node_quotas.quota_amount - coalesce(node_positions.booked_amount, 0) > 0
                then
                    cast(
                        node_quotas.quota_amount - coalesce(node_positions.booked_amount, 0)
                        as decimal(18, 2)
                    )
        end as remaining_amount,
        case
            when usable_decisions.node_id is not null then 'node'
            when company_decisions.node_id is not null then 'company'
        end as win_rate_source,
        case
            when usable_decisions.node_id is not null then usable_decisions.won_amount
            else company_decisions.won_amount
        end as won_amount,
        case
            when usable_decisions.node_id is not null then usable_decisions.decided_amount
            else company_decisions.decided_amount
        end as decided_amount
    from shown
    left join node_positions
        on
            shown.date_day = node_positions.date_day
            and shown.period_start = node_positions.period_start
            and shown.node_type = node_positions.node_type
            and shown.node_id = node_positions.node_id
    left join node_quotas
        on
            shown.date_day = node_quotas.date_day
            and shown.period_start = node_quotas.period_start
            and shown.node_type = node_quotas.node_type
            and shown.node_id = node_quotas.node_id
    left join usable_decisions
        on
            shown.date_day = usable_decisions.date_day
            and shown.node_type = usable_decisions.node_type
            and shown.node_id = usable_decisions.node_id
    left join company_decisions on shown.date_day = company_decisions.date_day
),

measured as (
    select
        *,
        cast(
            remaining_amount * cast(decided_amount as double) / cast(won_amount as double)
            as decimal(18, 2)
        ) as needed_amount
    from combined
),

final as (
    select
        measured.date_day,
        measured.node_type,
        measured.node_id,
        node_names.node_name,
        forecast_snapshots.period_name as close_period_name,
        measured.period_start as close_period_start,
        forecast_snapshots.period_end as close_period_end,
        forecast_snapshots.period_offset as close_period_offset,
        measured.open_count as opportunity_count,
        measured.open_amount,
        measured.booked_amount,
        measured.quota_amount,
        measured.remaining_amount,
        {{ rate('measured.open_amount', 'measured.remaining_amount') }} as coverage_ratio,
        {{ rate('measured.open_amount', 'measured.quota_amount') }} as quota_coverage_ratio,
        measured.won_amount,
        measured.decided_amount,
        {{ rate('measured.won_amount', 'measured.decided_amount') }} as win_rate,
        measured.win_rate_source,
        {{ rate('measured.decided_amount', 'measured.won_amount') }} as needed_coverage_ratio,
        measured.needed_amount,
        cast(measured.needed_amount - measured.open_amount as decimal(18, 2))
            as coverage_gap_amount,
        {{ as_of_date() }} as as_of_date
    from measured
    inner join forecast_snapshots
        on
            measured.date_day = forecast_snapshots.snapshot_date
            and measured.period_start = forecast_snapshots.period_start
    left join node_names
        on
            measured.node_type = node_names.node_type
            and measured.node_id = node_names.node_id
)

select * from final
order by date_day, close_period_start, node_type, node_id
