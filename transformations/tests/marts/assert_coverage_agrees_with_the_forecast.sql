with

coverage as (
    select * from {{ ref('mart_coverage') }}
    where close_period_offset <= 1
),

rollup as (
    select
        snapshot_date,
        period_start,
        node_type,
        node_id,
        sum(case when category = 'closed' then 0 else amount end) as open_amount,
        sum(case when category = 'closed' then amount else 0 end) as booked_amount,
        max(quota_amount) as quota_amount
    from {{ ref('mart_forecast_rollup') }}
    where hierarchy = 'stamped'
    group by
        snapshot_date,
        period_start,
        node_type,
        node_id
)

select
    coverage.*,
    rollup.open_amount as rollup_open_amount,
    rollup.booked_amount as rollup_booked_amount,
    rollup.quota_amount as rollup_quota_amount
from coverage
left join rollup
    on
        coverage.date_day = rollup.snapshot_date
        and coverage.close_period_start = rollup.period_start
        and coverage.node_type = rollup.node_type
        and coverage.node_id = rollup.node_id
where
    coverage.open_amount is distinct from rollup.open_amount
    or coverage.booked_amount is distinct from rollup.booked_amount
    or coverage.quota_amount is distinct from rollup.quota_amount
