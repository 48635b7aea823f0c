-- Bookings by rep, manager, team and region are the company's, to the cent, in every month: by
-- splits and by owner, as stamped at the close and as the organisation is now.
with

deals as (
    select
        *,
        cast({{ dbt.date_trunc('month', 'close_date') }} as date) as booked_in
    from {{ ref('fct_opportunity') }}
    where is_won
),

nodes as (
    select * from {{ ref('bridge_user_node') }}
    where node_type <> 'manager'
),

credits as (
    select
        deals.booked_in,
        deals.closed_at,
        'split' as credit,
        coalesce(splits.user_id, 'unassigned') as user_id,
        splits.amount
    from deals
    inner join {{ ref('fct_opportunity_split') }} as splits
        on deals.opportunity_id = splits.opportunity_id and splits.role_type = 'revenue'
    union all
    select
        booked_in,
        closed_at,
        'owner' as credit,
        coalesce(owner_user_id, 'unassigned') as user_id,
        amount
    from deals
),

by_node_type as (
    select
        credits.credit,
        nodes.node_type || ' as stamped' as cut,
        credits.booked_in,
        sum(credits.amount) as amount
    from credits
    inner join nodes
        on credits.user_id = nodes.user_id and {{ holds_at('nodes', 'credits.closed_at') }}
    group by credits.credit, nodes.node_type, credits.booked_in
    union all
    select
        credits.credit,
        nodes.node_type || ' as current' as cut,
        credits.booked_in,
        sum(credits.amount) as amount
    from credits
    inner join nodes on credits.user_id = nodes.user_id and nodes.is_current
    group by credits.credit, nodes.node_type, credits.booked_in
),

company as (
    select
        booked_in,
        sum(amount) as amount
    from deals
    group by booked_in
),

cuts as (
    select distinct
        credit,
        cut
    from by_node_type
)

select
    cuts.credit,
    cuts.cut,
    company.booked_in,
    company.amount as company_amount,
    by_node_type.amount as node_amount
from company
cross join cuts
left join by_node_type
    on
        company.booked_in = by_node_type.booked_in
        and cuts.credit = by_node_type.credit
        and cuts.cut = by_node_type.cut
where coalesce(company.amount, 0) <> coalesce(by_node_type.amount, 0)
