-- One row per snapshot: marketing touches of the account's people that had happened and had been
-- recorded by the end of that day.
with

snapshots as (
    select * from requested_snapshot
),

touches as (
    select * from core.fct_touchpoint
),

visible as (
    select
        snapshots.opportunity_id,
        snapshots.as_of_date,
        touches.touch_type,
        touches.contact_id,
        date_diff('day', touches.occurred_at, snapshots.as_of_end - interval 1 second)
            as days_ago
    from snapshots
    inner join touches
        on
            snapshots.account_id = touches.account_id
            and snapshots.as_of_end > touches.occurred_at
            and snapshots.as_of_end > touches.recorded_at
)

select
    opportunity_id,
    as_of_date,
    count(*) filter (where days_ago < 30) as touches_30d,
    count(*) filter (where days_ago < 90) as touches_90d,
    min(days_ago) as days_since_touch
from visible
group by opportunity_id, as_of_date
order by opportunity_id, as_of_date
