with

daily as (
    select * from {{ ref('fct_opportunity_daily') }}
),

currencies as (
    select * from {{ ref('dim_currency') }}
),

stages as (
    select * from {{ ref('dim_stage') }}
),

dates as (
    select * from {{ ref('dim_date') }}
),

clock as (
    select {{ as_of_date() }} as as_of_date
),

opportunity_days as (
    {{ constant_opportunity_days('daily', 'currencies') }}
),

stage_probabilities as (
    {{ stage_probabilities('stages') }}
),

due as (
    select
        opportunity_days.*,
        close_dates.fiscal_quarter_start_date as close_period_start
    from opportunity_days
    left join dates as close_dates
        on opportunity_days.close_date = close_dates.date_day
    where opportunity_days.is_open
),

totals as (
    select
        date_day,
        owner_user_id,
        stage,
        stage_order,
        forecast_category,
        close_period_start,
        cast(count(*) as bigint) as opportunity_count,
        cast(coalesce(sum(amount), 0) as decimal(18, 2)) as amount,
        cast(coalesce(sum(amount_constant), 0) as decimal(18, 2)) as amount_constant,
        cast(count(*) - count(amount) as bigint) as amount_missing_count
    from due
    group by
        date_day,
        owner_user_id,
        stage,
        stage_order,
        forecast_category,
        close_period_start
),

final as (
    select
        totals.date_day,
        dates.fiscal_quarter_start_date,
        {{ day_count('dates.fiscal_quarter_start_date', 'totals.date_day') }}
            as day_of_fiscal_quarter,
        totals.owner_user_id,
        totals.stage,
        totals.stage_order,
        totals.forecast_category,
        totals.close_period_start,
        totals.opportunity_count,
        totals.amount,
        totals.amount_constant,
        cast(
            totals.amount * coalesce(stage_probabilities.default_probability, 0)
            as decimal(18, 2)
        ) as weighted_amount,
        cast(
            totals.amount_constant * coalesce(stage_probabilities.default_probability, 0)
            as decimal(18, 2)
        ) as weighted_amount_constant,
        totals.amount_missing_count,
        clock.as_of_date
    from totals
    inner join dates
        on totals.date_day = dates.date_day
    cross join clock
    left join stage_probabilities
        on totals.stage = stage_probabilities.stage
)

select * from final
order by date_day, owner_user_id, stage_order, forecast_category, close_period_start
