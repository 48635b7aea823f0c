with

opportunity_days as (
    select * from {{ ref('fct_opportunity_daily') }}
    where is_open
),

stages as (
    select * from {{ ref('dim_stage') }}
),

clock as (
    select {{ as_of_date() }} as as_of_date
),

stage_probabilities as (
    {{ stage_probabilities('stages') }}
),

due as (
    select
        *,
        cast({{ dbt.date_trunc('quarter', 'close_date') }} as date) as close_period_start
    from opportunity_days
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
        totals.owner_user_id,
        totals.stage,
        totals.stage_order,
        totals.forecast_category,
        totals.close_period_start,
        totals.opportunity_count,
        totals.amount,
        cast(
            totals.amount * coalesce(stage_probabilities.default_probability, 0)
            as decimal(18, 2)
        ) as weighted_amount,
        totals.amount_missing_count,
        clock.as_of_date
    from totals
    cross join clock
    left join stage_probabilities on totals.stage = stage_probabilities.stage
)

select * from final
order by date_day, owner_user_id, stage_order, forecast_category, close_period_start
