{%- set figures = ["open_due_amount", "won_amount", "created_amount"] -%}
{%- set compared_periods = 4 -%}

with

daily as (
    select * from {{ ref('fct_opportunity_daily') }}
),

opportunities as (
    select * from {{ ref('fct_opportunity') }}
),

user_nodes as (
    select * from {{ ref('bridge_user_node') }}
),

all_dates as (
    select * from {{ ref('dim_date') }}
),

clock as (
    select {{ as_of_date() }} as as_of_date
),

first_days as (
    select min(date_day) as first_day from daily
),

dates as (
    select
        all_dates.date_day,
        all_dates.fiscal_quarter_name,
        all_dates.fiscal_quarter_start_date,
        all_dates.fiscal_quarter_end_date,
        all_dates.business_day_of_fiscal_quarter,
        clock.as_of_date,
        dense_rank() over (order by all_dates.fiscal_quarter_start_date) as quarter_number
    from all_dates
    cross join clock
    cross join first_days
    where
        all_dates.date_day <= clock.as_of_date
        and all_dates.fiscal_quarter_end_date >= first_days.first_day
),

open_due as (
    select
        daily.date_day,
        coalesce(daily.owner_user_id, 'unassigned') as user_id,
        count(*) as open_due_count,
        sum(daily.amount) as open_due_amount
    from daily
    inner join dates
        on daily.date_day = dates.date_day
    where
        daily.is_open
        and daily.close_date between dates.fiscal_quarter_start_date
        and dates.fiscal_quarter_end_date
    group by
        daily.date_day,
        coalesce(daily.owner_user_id, 'unassigned')
),

won as (
    select
        close_date as date_day,
        coalesce(owner_user_id, 'unassigned') as user_id,
        count(*) as won_count,
        sum(amount) as won_amount
    from opportunities
    where is_won
    group by
        close_date,
        coalesce(owner_user_id, 'unassigned')
),

-- as it was on the day on which the deal was qualified, whatever became of it
created as (
    select
        daily.date_day,
        coalesce(daily.owner_user_id, 'unassigned') as user_id,
        count(*) as created_count,
        sum(daily.amount) as created_amount
    from opportunities
    inner join daily
        on
            opportunities.opportunity_id = daily.opportunity_id
            and cast({{ qualified_at() }} as date) = daily.date_day
    where not opportunities.is_deleted
    group by
        daily.date_day,
        coalesce(daily.owner_user_id, 'unassigned')
),

contributions as (
    select
        date_day,
        user_id,
        open_due_count,
        open_due_amount,
        0 as won_count,
        0 as won_amount,
        0 as created_count,
        0 as created_amount
    from open_due
    union all
    select
        date_day,
        user_id,
        0 as open_due_count,
        0 as open_due_amount,
        won_count,
        won_amount,
        0 as created_count,
        0 as created_amount
    from won
    union all
    select
        date_day,
        user_id,
        0 as open_due_count,
        0 as open_due_amount,
        0 as won_count,
        0 as won_amount,
        created_count,
        created_amount
    from created
),

owner_days as (
    select
        date_day,
        user_id,
        sum(open_due_count) as open_due_count,
        sum(open_due_amount) as open_due_amount,
        sum(won_count) as won_count,
        sum(won_amount) as won_amount,
        sum(created_count) as created_count,
        sum(created_amount) as created_amount
    from contributions
    group by
        date_day,
        user_id
),

owner_nodes as (
    {{ nodes_of_owner_days('owner_days', 'user_nodes') }}
),

node_days as (
    select
        owner_days.date_day,
        owner_nodes.hierarchy,
        owner_nodes.node_type,
        owner_nodes.node_id,
        owner_nodes.node_name,
        sum(owner_days.open_due_count) as open_due_count,
        sum(owner_days.open_due_amount) as open_due_amount,
        sum(owner_days.won_count) as won_count,
        sum(owner_days.won_amount) as won_amount,
        sum(owner_days.created_count) as created_count,
        sum(owner_days.created_amount) as created_amount
    from owner_days
    inner join owner_nodes
        on
            owner_days.user_id = owner_nodes.user_id
            and owner_days.date_day = owner_nodes.date_day
    group by
        owner_days.date_day,
        owner_nodes.hierarchy,
        owner_nodes.node_type,
        owner_nodes.node_id,
        owner_nodes.node_name
),

-- a node that has anything in a quarter has all its days
quarter_nodes as (
    select distinct
        dates.quarter_number,
        node_days.hierarchy,
        node_days.node_type,
        node_days.node_id,
        node_days.node_name
    from node_days
    inner join dates
        on node_days.date_day = dates.date_day
),

paced as (
    select
        dates.quarter_number,
        dates.fiscal_quarter_name,
        dates.fiscal_quarter_start_date,
        dates.fiscal_quarter_end_date,
        dates.business_day_of_fiscal_quarter,
        dates.date_day,
        dates.as_of_date,
        {{ day_count('dates.fiscal_quarter_start_date', 'dates.date_day') }} as day_of_period,
        {{ day_count('dates.fiscal_quarter_start_date', 'dates.fiscal_quarter_end_date') }}
            as days_in_period,
        quarter_nodes.hierarchy,
        quarter_nodes.node_type,
        quarter_nodes.node_id,
        quarter_nodes.node_name,
        {% for figure in ["won_count", "won_amount", "created_count", "created_amount"] -%}
        coalesce(
            sum(node_days.{{ figure }}) over (
                partition by
                    dates.quarter_number,
                    quarter_nodes.hierarchy,
                    quarter_nodes.node_type,
                    quarter_nodes.node_id
                order by dates.date_day
                rows between unbounded preceding and current row
            ),
            0
        ) as {{ figure }},
        {% endfor -%}
        coalesce(node_days.open_due_count, 0) as open_due_count,
        coalesce(node_days.open_due_amount, 0) as open_due_amount
    from quarter_nodes
    inner join dates
        on quarter_nodes.quarter_number = dates.quarter_number
    left join node_days
        on
            dates.date_day = node_days.date_day
            and quarter_nodes.hierarchy = node_days.hierarchy
            and quarter_nodes.node_type = node_days.node_type
            and quarter_nodes.node_id = node_days.node_id
),

-- the day of the same number in the quarters before; a shorter quarter answers with its last day
comparisons as (
    select
        paced.date_day,
        paced.hierarchy,
        paced.node_type,
        paced.node_id,
        {% for figure in figures -%}
        earlier.{{ figure }},
        {% endfor -%}
        paced.quarter_number - earlier.quarter_number as periods_ago
    from paced
    inner join paced as earlier
        on
            paced.hierarchy = earlier.hierarchy
            and paced.node_type = earlier.node_type
            and paced.node_id = earlier.node_id
            and earlier.day_of_period = least(paced.day_of_period, earlier.days_in_period)
    where
        paced.quarter_number > earlier.quarter_number
        and paced.quarter_number <= earlier.quarter_number + {{ compared_periods }}
),

compared as (
    select
        date_day,
        hierarchy,
        node_type,
        node_id,
        {% for figure in figures -%}
        max(case when periods_ago = 1 then {{ figure }} end) as prior_period_{{ figure }},
        max(case when periods_ago = 4 then {{ figure }} end) as prior_year_{{ figure }},
        avg({{ figure }}) as average_{{ figure }},
        {% endfor -%}
        count(*) as compared_period_count
    from comparisons
    group by
        date_day,
        hierarchy,
        node_type,
        node_id
),

final as (
    select
        paced.fiscal_quarter_name as period_name,
        paced.fiscal_quarter_start_date as period_start,
        paced.fiscal_quarter_end_date as period_end,
        paced.date_day,
        paced.day_of_period,
        paced.days_in_period,
        cast(paced.business_day_of_fiscal_quarter as integer) as business_day_of_period,
        paced.hierarchy,
        paced.node_type,
        paced.node_id,
        paced.node_name,
        cast(paced.open_due_count as bigint) as open_due_count,
        cast(paced.won_count as bigint) as won_count,
        cast(paced.created_count as bigint) as created_count,
        cast(coalesce(compared.compared_period_count, 0) as integer) as compared_period_count,
        {% for figure in figures -%}
        cast(paced.{{ figure }} as decimal(18, 2)) as {{ figure }},
        {% for comparison in ["prior_period", "prior_year", "average"] -%}
        cast(compared.{{ comparison }}_{{ figure }} as decimal(18, 2))
            as {{ comparison }}_{{ figure }},
        {% endfor -%}
        {% endfor -%}
        paced.as_of_date
    from paced
    left join compared
        on
            paced.date_day = compared.date_day
            and paced.hierarchy = compared.hierarchy
            and paced.node_type = compared.node_type
            and paced.node_id = compared.node_id
)

select * from final
order by date_day, hierarchy, node_type, node_id
