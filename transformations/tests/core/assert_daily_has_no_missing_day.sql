-- Invariant: a deal has a row for every day from its creation to the day it left the pipeline, and
-- while it is open up to the as-of date.
with

clock as (
    select {{ as_of_date() }} as as_of_date
),

days as (
    select
        opportunity_id,
        date_day,
        is_open,
        lag(date_day) over (partition by opportunity_id order by date_day) as previous_day,
        lead(date_day) over (partition by opportunity_id order by date_day) as next_day
    from {{ ref('fct_opportunity_daily') }}
),

judged as (
    select
        opportunities.opportunity_id,
        days.date_day,
        case
            when days.date_day is null
                then 'no row at all'
            when days.previous_day is null and days.date_day <> opportunities.created_date
                then 'does not begin on the day of creation'
            when
                days.is_open
                and days.next_day > cast({{ dbt.dateadd('day', 1, 'days.date_day') }} as date)
                then 'a day is missing after this one'
            when days.is_open and days.next_day is null and days.date_day <> clock.as_of_date
                then 'open, but ends before the as-of date'
            when days.date_day > clock.as_of_date
                then 'after the as-of date'
        end as problem
    from {{ ref('fct_opportunity') }} as opportunities
    cross join clock
    left join days
        on opportunities.opportunity_id = days.opportunity_id
)

select * from judged
where problem is not null
