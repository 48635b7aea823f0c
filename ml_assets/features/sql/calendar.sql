-- One row per snapshot: how far its day and its close date are from the end of their fiscal
-- quarter.
with

snapshots as (
    select * from requested_snapshot
),

days as (
    select
        date_day,
        date_diff('day', date_day, fiscal_quarter_end_date) as days_to_quarter_end
    from core.dim_date
)

select
    snapshots.opportunity_id,
    snapshots.as_of_date,
    as_of_days.days_to_quarter_end,
    close_days.days_to_quarter_end as days_from_close_date_to_quarter_end
from snapshots
left join days as as_of_days on snapshots.as_of_date = as_of_days.date_day
left join days as close_days on snapshots.close_date = close_days.date_day
order by snapshots.opportunity_id, snapshots.as_of_date
