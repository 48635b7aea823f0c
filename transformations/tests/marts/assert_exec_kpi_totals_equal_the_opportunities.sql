with

deals as (
    select * from {{ ref('fct_opportunity') }}
    where not is_deleted
),

expected as (
    select
        'bookings' as kpi,
        coalesce(sum(amount), 0) as total
    from deals
    where is_won and close_date <= as_of_date
    union all
    select
        'won_count' as kpi,
        count(*) as total
    from deals
    where is_won and close_date <= as_of_date
    union all
    select
        'lost_count' as kpi,
        count(*) as total
    from deals
    where is_lost and close_date <= as_of_date
    union all
    select
        'opportunities_created' as kpi,
        count(*) as total
    from deals
    where created_date <= as_of_date
),

period_types as (
    select distinct period_type from {{ ref('mart_reporting_period') }}
),

published as (
    select
        period_types.period_type,
        expected.kpi,
        expected.total as expected_total,
        coalesce(sum(figures.numerator), 0) as published_total
    from expected
    cross join period_types
    left join {{ ref('mart_exec_kpi') }} as figures
        on
            expected.kpi = figures.kpi
            and period_types.period_type = figures.period_type
            and figures.segment_type = 'company'
    group by period_types.period_type, expected.kpi, expected.total
)

select * from published
where published_total <> expected_total
