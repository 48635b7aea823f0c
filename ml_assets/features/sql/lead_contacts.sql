-- One row per snapshot: what sellers and the lead had done with each other, by what had happened and
-- had been recorded by the end of that day. A weight halves every 3, 7, 14 or 30 days; weights are
-- summed as decimals, so that the order of rows does not matter.
with

snapshots as (
    select * from requested_snapshot
),

activities as (
    select
        person_lead_id as lead_id,
        occurred_at,
        recorded_at,
        activity_type,
        coalesce(is_automated, false) as is_automated,
        not coalesce(is_automated, false)
        and coalesce(direction, 'outbound') = 'outbound'
        and coalesce(outcome, 'held') not in ('cancelled', 'no_show') as is_outreach,
        not coalesce(is_automated, false) and direction = 'inbound' as is_inbound,
        activity_type = 'call' and outcome = 'connected' as is_talk,
        activity_type in ('meeting', 'event')
        and coalesce(outcome, 'held') not in ('cancelled', 'no_show') as is_meeting
    from core.fct_activity
    where person_lead_id is not null
),

visible as (
    select
        snapshots.lead_id,
        snapshots.as_of_date,
        snapshots.arrived_at,
        activities.*,
        activities.is_inbound or activities.is_talk or activities.is_meeting as is_answer,
        date_diff('second', activities.occurred_at, snapshots.as_of_end) / 86400.0 as days_ago
    from snapshots
    inner join activities
        on
            snapshots.lead_id = activities.lead_id
            and snapshots.as_of_end > activities.occurred_at
            and snapshots.as_of_end > activities.recorded_at
),

weighted as (
    select
        *,
        cast(power(2.0, -days_ago / 3.0) as decimal(18, 9)) as weight_3d,
        cast(power(2.0, -days_ago / 7.0) as decimal(18, 9)) as weight_7d,
        cast(power(2.0, -days_ago / 14.0) as decimal(18, 9)) as weight_14d,
        cast(power(2.0, -days_ago / 30.0) as decimal(18, 9)) as weight_30d
    from visible
)

select
    lead_id,
    as_of_date,
    count(*) filter (where is_outreach) as outreach_total,
    count(*) filter (where is_outreach and days_ago < 7) as outreach_7d,
    count(*) filter (where is_outreach and days_ago < 30) as outreach_30d,
    count(*) filter (where is_automated) as automated_total,
    count(*) filter (where is_answer) as answers_total,
    count(*) filter (where is_answer and days_ago < 7) as answers_7d,
    count(*) filter (where is_answer and days_ago < 30) as answers_30d,
    count(*) filter (where is_inbound and activity_type = 'email') as replies_total,
    count(*) filter (where is_inbound and activity_type = 'call') as calls_in_total,
    count(*) filter (where is_talk) as talks_total,
    count(*) filter (where is_meeting) as meetings_total,
    min(days_ago) filter (where is_outreach) as days_since_outreach,
    min(days_ago) filter (where is_answer) as days_since_answer,
    min(date_diff('second', arrived_at, occurred_at) / 3600.0) filter (
        where is_outreach and occurred_at >= arrived_at
    ) as hours_to_first_touch,
    cast(coalesce(sum(weight_3d) filter (where is_answer), 0) as double) as answers_decayed_3d,
    cast(coalesce(sum(weight_7d) filter (where is_answer), 0) as double) as answers_decayed_7d,
    cast(coalesce(sum(weight_14d) filter (where is_answer), 0) as double) as answers_decayed_14d,
    cast(coalesce(sum(weight_30d) filter (where is_answer), 0) as double) as answers_decayed_30d
from weighted
group by lead_id, as_of_date
order by lead_id, as_of_date
