with

pipeline as (
    select
        coalesce(sum(opportunity_count), 0) as opportunity_count,
        coalesce(sum(amount), 0) as amount,
        coalesce(sum(amount_missing_count), 0) as amount_missing_count
    from {{ ref('mart_pipeline_daily') }}
    where date_day = as_of_date
),

opportunities as (
    select
        count(*) as opportunity_count,
        coalesce(sum(amount), 0) as amount,
        coalesce(sum(case when amount is null then 1 else 0 end), 0) as amount_missing_count
    from {{ ref('fct_opportunity') }}
    where is_open
)

select
    pipeline.opportunity_count,
    opportunities.opportunity_count as expected_opportunity_count,
    pipeline.amount,
    opportunities.amount as expected_amount,
    pipeline.amount_missing_count,
    opportunities.amount_missing_count as expected_amount_missing_count
from pipeline
cross join opportunities
where
    pipeline.opportunity_count <> opportunities.opportunity_count
    or pipeline.amount <> opportunities.amount
    or pipeline.amount_missing_count <> opportunities.amount_missing_count
