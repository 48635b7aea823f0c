-- The last snapshot and fct_opportunity are two ways to the same state: the same deals are open
-- with the same amounts, and what is won or lost now was closed on the day it says.
with

clock as (
    select {{ as_of_date() }} as as_of_date
),

opportunities as (
    select * from {{ ref('fct_opportunity') }}
),

daily as (
    select * from {{ ref('fct_opportunity_daily') }}
),

last_snapshot as (
    select daily.* from daily
    inner join clock
        on daily.date_day = clock.as_of_date
    where daily.is_open
),

open_opportunities as (
    select * from opportunities
    where is_open
),

open_differences as (
    select
        coalesce(open_opportunities.opportunity_id, last_snapshot.opportunity_id)
            as opportunity_id,
        'open deal differs from its last snapshot' as problem
    from open_opportunities
    full outer join last_snapshot
        on open_opportunities.opportunity_id = last_snapshot.opportunity_id
    where
        open_opportunities.opportunity_id is null
        or last_snapshot.opportunity_id is null
        or open_opportunities.amount is distinct from last_snapshot.amount
        or open_opportunities.stage is distinct from last_snapshot.stage
        or open_opportunities.close_date is distinct from last_snapshot.close_date
        or open_opportunities.owner_user_id is distinct from last_snapshot.owner_user_id
),

closed_differences as (
    select
        opportunities.opportunity_id,
        'closed deal has no closing row' as problem
    from opportunities
    left join daily
        on
            opportunities.opportunity_id = daily.opportunity_id
            and cast(opportunities.closed_at as date) = daily.date_day
            and opportunities.is_won = daily.is_won
            and opportunities.is_lost = daily.is_lost
    where
        (opportunities.is_won or opportunities.is_lost)
        and daily.opportunity_id is null
)

select * from open_differences
union all
select * from closed_differences
