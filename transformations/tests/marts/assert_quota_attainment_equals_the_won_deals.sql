-- With and without splits, the bookings of all users in a fiscal quarter are the company's. Periods
-- that are no part of one quarter are judged over all time; where somebody's quota periods overlap,
-- bookings count twice by design and nothing is judged.
with

quarters as (
    select distinct
        fiscal_quarter_start_date,
        fiscal_quarter_end_date
    from {{ ref('dim_date') }}
),

attainment as (
    select
        coalesce(quarters.fiscal_quarter_start_date, cast('1900-01-01' as date)) as period_start,
        attainment.attained_amount,
        attainment.owned_amount,
        attainment.owned_count
    from {{ ref('mart_quota_attainment') }} as attainment
    left join quarters
        on
            attainment.period_start >= quarters.fiscal_quarter_start_date
            and attainment.period_end <= quarters.fiscal_quarter_end_date
    where attainment.measure = 'bookings'
),

overlapping as (
    select one.user_id
    from {{ ref('mart_quota_attainment') }} as one
    inner join {{ ref('mart_quota_attainment') }} as other
        on
            one.user_id = other.user_id
            and one.measure = other.measure
            and one.period_start <= other.period_end
            and one.period_end >= other.period_start
            and (one.period_start <> other.period_start or one.period_end <> other.period_end)
    where
        one.measure = 'bookings' and one.quota_amount is not null
        and other.quota_amount is not null
),

whole_quarters as (
    select count(*) = 0 as is_so from attainment
    where period_start = cast('1900-01-01' as date)
),

credited as (
    select
        case when whole_quarters.is_so then attainment.period_start end as period_start,
        sum(attainment.attained_amount) as attained_amount,
        sum(attainment.owned_amount) as owned_amount,
        sum(attainment.owned_count) as owned_count
    from attainment
    cross join whole_quarters
    group by case when whole_quarters.is_so then attainment.period_start end
),

won as (
    select
        case when whole_quarters.is_so then dates.fiscal_quarter_start_date end as period_start,
        coalesce(sum(deals.amount), 0) as won_amount,
        count(*) as won_count
    from {{ ref('fct_opportunity') }} as deals
    inner join {{ ref('dim_date') }} as dates on deals.close_date = dates.date_day
    cross join whole_quarters
    where deals.is_won and deals.close_date <= deals.as_of_date
    group by case when whole_quarters.is_so then dates.fiscal_quarter_start_date end
)

select
    won.*,
    credited.attained_amount,
    credited.owned_amount,
    credited.owned_count
from won
full join credited on won.period_start is not distinct from credited.period_start
where
    not exists (select 1 from overlapping)
    and (
        coalesce(credited.attained_amount, 0) <> coalesce(won.won_amount, 0)
        or coalesce(credited.owned_amount, 0) <> coalesce(won.won_amount, 0)
        or coalesce(credited.owned_count, 0) <> coalesce(won.won_count, 0)
    )
