-- On the last day of a quarter, or as_of_date, what was won and created to date is the quarter's.
with

pacing as (
    select *
    from {{ ref('mart_pipeline_pacing') }}
    where
        node_type = 'company'
        and date_day = least(period_end, as_of_date)
),

quarters as (
    select
        period_start,
        sum(case when kpi = 'bookings' then numerator else 0 end) as won_amount,
        sum(case when kpi = 'pipeline_created' then numerator else 0 end) as created_amount
    from {{ ref('mart_exec_kpi') }}
    where
        period_type = 'fiscal_quarter'
        and segment_type = 'company'
    group by period_start
)

select
    quarters.period_start,
    pacing.hierarchy,
    pacing.won_amount,
    quarters.won_amount as expected_won_amount,
    pacing.created_amount,
    quarters.created_amount as expected_created_amount
from quarters
left join pacing
    on quarters.period_start = pacing.period_start
where
    coalesce(pacing.won_amount, 0) <> quarters.won_amount
    or coalesce(pacing.created_amount, 0) <> quarters.created_amount
