with

accuracy as (
    select * from {{ ref('mart_forecast_accuracy') }}
),

opportunities as (
    select * from {{ ref('fct_opportunity') }}
),

complete_periods as (
    select distinct
        period_start,
        period_end
    from accuracy
    where is_complete_period
),

bookings as (
    select
        complete_periods.period_start,
        sum(opportunities.amount) as actual_amount
    from complete_periods
    inner join opportunities
        on
            complete_periods.period_start <= opportunities.close_date
            and complete_periods.period_end >= opportunities.close_date
    where
        opportunities.is_won
        and not opportunities.is_deleted
    group by complete_periods.period_start
),

sums as (
    select
        period_start,
        weeks_to_close,
        forecaster,
        sum(case when node_type = 'company' then forecast_amount else 0 end) as of_company,
        sum(case when node_type = 'rep' then forecast_amount else 0 end) as of_reps
    from accuracy
    where forecaster <> 'manager'
    group by
        period_start,
        weeks_to_close,
        forecaster
)

select
    'reps do not add up to the company' as problem,
    period_start,
    of_company as stated,
    of_reps as expected
from sums
where of_company <> of_reps
union all
select
    'actual is not what was won' as problem,
    accuracy.period_start,
    accuracy.actual_amount as stated,
    bookings.actual_amount as expected
from accuracy
left join bookings on accuracy.period_start = bookings.period_start
where
    accuracy.node_type = 'company'
    and accuracy.is_complete_period
    and accuracy.actual_amount <> coalesce(bookings.actual_amount, 0)
