-- One row per snapshot: people's activities on the opportunity that had happened and had been
-- recorded by the end of that day. Automated messages don't count. What lies ahead doesn't either:
-- the facts hold planned activities only once they have taken place, so that a plan which is there
-- would tell that it will be kept.
with

snapshots as (
    select * from requested_snapshot
),

matches as (
    select distinct
        opportunity_id,
        activity_id
    from core.bridge_activity_opportunity
    where confidence >= 0.5
),

-- joined before the snapshots, or the planner may pair every snapshot with every earlier activity
activities as materialized (
    select
        matches.opportunity_id,
        fct_activity.*
    from matches
    inner join core.fct_activity as fct_activity
        on matches.activity_id = fct_activity.activity_id
    where not coalesce(fct_activity.is_automated, false)
),

visible as (
    select
        snapshots.opportunity_id,
        snapshots.as_of_date,
        activities.activity_type,
        activities.direction,
        activities.occurred_at,
        activities.duration_seconds,
        coalesce(activities.person_contact_id, activities.person_lead_id) as person_id,
        date_diff('day', activities.occurred_at, snapshots.as_of_end - interval 1 second)
            as days_ago,
        activities.outcome
    from snapshots
    inner join activities
        on
            snapshots.opportunity_id = activities.opportunity_id
            and snapshots.as_of_end > activities.occurred_at
            and snapshots.as_of_end > activities.recorded_at
)

select
    opportunity_id,
    as_of_date,
    count(*) filter (where days_ago < 7) as activities_7d,
    count(*) filter (where days_ago < 30) as activities_30d,
    count(*) filter (where days_ago < 90) as activities_90d,
    count(*) filter (where direction = 'inbound' and days_ago < 7)
        as inbound_7d,
    count(*) filter (where direction = 'inbound' and days_ago < 30)
        as inbound_30d,
    count(*) filter (where direction = 'inbound' and days_ago < 90)
        as inbound_90d,
    count(*) filter (where direction = 'inbound') as inbound_total,
    count(*) filter (where direction = 'inbound' and activity_type = 'email')
        as inbound_emails_total,
    count(*) filter (where direction = 'outbound' and days_ago < 7)
        as outbound_7d,
    count(*) filter (where direction = 'outbound' and days_ago < 30)
        as outbound_30d,
    count(*) filter (where direction = 'outbound' and days_ago < 90)
        as outbound_90d,
    count(*) filter (where direction = 'outbound') as outbound_total,
    count(*) filter (where activity_type = 'email' and days_ago < 30)
        as emails_30d,
    count(*) filter (where activity_type = 'call' and days_ago < 30)
        as calls_30d,
    count(*) filter (where activity_type = 'call' and outcome = 'connected')
        as calls_connected_total,
    count(*) filter (
        where
        activity_type in ('meeting', 'event') and days_ago < 30
        and coalesce(outcome, 'held') not in ('cancelled', 'no_show')
    ) as meetings_30d,
    count(*) filter (
        where
        activity_type in ('meeting', 'event') and days_ago < 90
        and coalesce(outcome, 'held') not in ('cancelled', 'no_show')
    ) as meetings_90d,
    count(*) filter (
        where
        activity_type in ('meeting', 'event')
        and coalesce(outcome, 'held') not in ('cancelled', 'no_show')
    ) as meetings_total,
    count(*) filter (
        where
        activity_type in ('meeting', 'event')
        and outcome in ('cancelled', 'no_show')
    ) as meetings_missed_total,
    min(days_ago) as days_since_activity,
    min(case when direction = 'inbound' then days_ago end)
        as days_since_inbound,
    min(case when direction = 'outbound' then days_ago end)
        as days_since_outbound,
    min(
        case when activity_type in ('meeting', 'event') then days_ago end
    ) as days_since_meeting,
    count(distinct person_id) as people_total,
    count(distinct case when direction = 'inbound' then person_id end)
        as people_inbound,
    count(distinct case when days_ago < 30 then person_id end) as people_30d
from visible
group by opportunity_id, as_of_date
order by opportunity_id, as_of_date
