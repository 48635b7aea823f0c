with

daily as (
    select
        date_day,
        sum(amount) as amount,
        sum(opportunity_count) as opportunity_count
    from {{ ref('mart_pipeline_daily') }}
    group by date_day
),

figures as (
    select
        date_day,
        sum(case when kpi = 'open_pipeline' then numerator end) as amount,
        sum(case when kpi = 'open_opportunity_count' then numerator end) as opportunity_count
    from {{ ref('mart_exec_kpi_daily') }}
    where segment_type = 'company' and kpi in ('open_pipeline', 'open_opportunity_count')
    group by date_day
)

select
    daily.amount as daily_amount,
    figures.amount as kpi_amount,
    daily.opportunity_count as daily_count,
    figures.opportunity_count as kpi_count,
    coalesce(daily.date_day, figures.date_day) as date_day
from daily
full outer join figures on daily.date_day = figures.date_day
where
    coalesce(daily.amount, -1) <> coalesce(figures.amount, -1)
    or coalesce(daily.opportunity_count, -1) <> coalesce(figures.opportunity_count, -1)
