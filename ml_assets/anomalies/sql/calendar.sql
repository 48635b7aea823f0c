-- One row per region and week: business days, the week of the fiscal quarter that the middle of the
-- week lies in, and whether it lies at the turn of the year. Region All is the company's calendar.
with

weeks as (
    select
        cast(range as integer) as week,
        cast($as_of as date) - cast(7 * range as integer) as last_day
    from range(0, $weeks)
),

regional as (
    select
        region,
        date_day,
        is_business_day
    from core.dim_business_day
    union all
    select
        'All' as region,
        date_day,
        is_business_day
    from core.dim_date
)

select
    regional.region,
    weeks.week,
    cast(count(*) filter (where regional.is_business_day) as double) as business_days,
    cast(
        max(date_diff('day', middle.fiscal_quarter_start_date, middle.date_day)) // 7 as integer
    ) as quarter_week,
    bool_or(
        (middle.calendar_month = 12 and middle.day_of_month >= 22)
        or (middle.calendar_month = 1 and middle.day_of_month <= 4)
    ) as is_turn_of_year
from weeks
inner join regional
    on
        weeks.last_day >= regional.date_day
        and weeks.last_day - 7 < regional.date_day
inner join core.dim_date as middle on weeks.last_day - 3 = middle.date_day
group by regional.region, weeks.week
having count(*) = 7
order by regional.region, weeks.week
