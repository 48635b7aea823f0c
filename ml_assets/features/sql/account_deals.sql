-- One row per day asked for and opportunity of accounts that ever bought or are to renew: its state
-- as it was known at the end of that day, replayed from its field changes. Closed deals are worth
-- their amount at the rate of their closing day, open ones at that of the day asked for.
with

days as (
    select * from requested_day
),

opportunities as (
    select
        opportunity_id,
        account_id,
        opportunity_type,
        currency_code
    from core.fct_opportunity
    where account_id is not null
),

events as (
    select * from core.fct_opportunity_event
    where field in ('stage', 'amount_local', 'close_date', 'is_deleted')
),

buyers as (
    select distinct opportunities.account_id
    from opportunities
    left join events
        on
            opportunities.opportunity_id = events.opportunity_id
            and events.field = 'stage'
            and events.new_value = 'Closed Won'
    where opportunities.opportunity_type = 'renewal' or events.change_id is not null
),

of_buyers as (
    select
        opportunities.*,
        events.field,
        events.new_value,
        events.changed_at,
        events.recorded_at,
        -- what decides between changes that are visible, as one number
        row_number() over (
            partition by events.opportunity_id, events.field
            order by events.changed_at, events.recorded_at, events.change_id
        ) as position
    from opportunities
    inner join buyers on opportunities.account_id = buyers.account_id
    inner join events on opportunities.opportunity_id = events.opportunity_id
),

state as (
    select
        days.as_of_date,
        of_buyers.opportunity_id,
        of_buyers.account_id,
        of_buyers.opportunity_type,
        of_buyers.currency_code,
        min(of_buyers.changed_at) filter (where of_buyers.field = 'stage') as first_seen_at,
        max(of_buyers.changed_at) filter (where of_buyers.field = 'stage') as stage_entered_at,
        arg_max(of_buyers.new_value, of_buyers.position) filter (where of_buyers.field = 'stage')
            as stage,
        arg_max(of_buyers.new_value, of_buyers.position)
            filter (where of_buyers.field = 'amount_local') as amount_text,
        arg_max(of_buyers.new_value, of_buyers.position)
            filter (where of_buyers.field = 'close_date') as close_date_text,
        arg_max(of_buyers.new_value, of_buyers.position)
            filter (where of_buyers.field = 'is_deleted') as deleted_text,
        count(*) filter (where of_buyers.field = 'close_date') - 1 as close_date_moves
    from days
    inner join of_buyers
        on
            days.as_of_end > of_buyers.changed_at
            and days.as_of_end > of_buyers.recorded_at
    group by all
),

-- who buys later is no customer yet
of_customers as (
    select
        *,
        bool_or(opportunity_type = 'renewal' or stage = 'Closed Won')
            over (partition by as_of_date, account_id) as is_customer
    from state
    where stage is not null and coalesce(lower(deleted_text) <> 'true', true)
),

typed as (
    select
        *,
        stage in ('Closed Won', 'Closed Lost') as is_closed,
        try_cast(amount_text as double) as amount_local,
        try_cast(close_date_text as date) as close_date
    from of_customers
    where is_customer
),

stages as (
    select
        stage,
        min(stage_order) as stage_order
    from core.dim_stage
    where stage is not null
    group by stage
),

rates as (
    select
        currency_code,
        valid_from,
        coalesce(valid_to, date '9999-12-31') as valid_until,
        cast(rate_to_corporate as double) as rate_to_corporate
    from core.fct_fx_rate
)

select
    typed.as_of_date,
    typed.opportunity_id,
    typed.account_id,
    typed.opportunity_type,
    cast(typed.first_seen_at as date) as opened_on,
    case when typed.is_closed then cast(typed.stage_entered_at as date) end as closed_on,
    cast(typed.stage_entered_at as date) as stage_entered_on,
    typed.stage,
    stages.stage_order,
    typed.is_closed,
    typed.stage = 'Closed Won' as is_won,
    typed.close_date,
    greatest(typed.close_date_moves, 0) as close_date_moves,
    typed.amount_local * rates.rate_to_corporate as amount
from typed
left join stages on typed.stage = stages.stage
left join rates
    on
        typed.currency_code = rates.currency_code
        and case when typed.is_closed then cast(typed.stage_entered_at as date)
            else typed.as_of_date end >= rates.valid_from
        and case when typed.is_closed then cast(typed.stage_entered_at as date)
            else typed.as_of_date end < rates.valid_until
order by typed.as_of_date, typed.opportunity_id
