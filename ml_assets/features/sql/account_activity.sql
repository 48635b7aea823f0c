-- One row per account and day asked for: people's activities with the account that had happened and
-- had been recorded by the end of that day. Automated messages don't count, nor does what is older
-- than a year.
with

snapshots as (
    select * from requested_account
),

-- joined before the snapshots, or the planner may pair every snapshot with every earlier activity
activities as materialized (
    select fct_activity.*
    from core.fct_activity as fct_activity
    inner join (select distinct account_id from snapshots) as asked
        on fct_activity.account_id = asked.account_id
    where not coalesce(fct_activity.is_automated, false)
),

visible as (
    select
        snapshots.account_id,
        snapshots.as_of_date,
        activities.direction,
        activities.activity_type in ('meeting', 'event') as is_meeting,
        coalesce(activities.outcome, '') in ('cancelled', 'no_show') as is_missed,
        coalesce(activities.person_contact_id, activities.person_lead_id) as person_id,
        date_diff('day', activities.occurred_at, snapshots.as_of_end - interval 1 second)
            as days_ago
    from snapshots
    inner join activities
        on
            snapshots.account_id = activities.account_id
            and snapshots.as_of_end > activities.occurred_at
            and snapshots.as_of_end > activities.recorded_at
            and snapshots.as_of_end - interval 365 day <= activities.occurred_at
),

-- what speech analysis says is recorded later than the call or meeting that it is about
conversations as materialized (
    select
        activities.account_id,
        fct_conversation.occurred_at,
        fct_conversation.recorded_at,
        cast(fct_conversation.sentiment as decimal(18, 6)) as sentiment
    from core.fct_conversation as fct_conversation
    inner join activities on fct_conversation.activity_id = activities.activity_id
    where fct_conversation.sentiment is not null
),

sentiments as (
    select
        snapshots.account_id,
        snapshots.as_of_date,
        cast(sum(conversations.sentiment) / count(*) as double) as sentiment_90d
    from snapshots
    inner join conversations
        on
            snapshots.account_id = conversations.account_id
            and snapshots.as_of_end > conversations.occurred_at
            and snapshots.as_of_end > conversations.recorded_at
            and snapshots.as_of_end - interval 90 day <= conversations.occurred_at
    group by snapshots.account_id, snapshots.as_of_date
)

select
    visible.account_id,
    visible.as_of_date,
    count(*) filter (where days_ago < 30) as activities_30d,
    count(*) filter (where days_ago < 90) as activities_90d,
    count(*) as activities_365d,
    count(*) filter (where direction = 'inbound' and days_ago < 30) as inbound_30d,
    count(*) filter (where direction = 'inbound' and days_ago < 90) as inbound_90d,
    count(*) filter (where is_meeting and not is_missed and days_ago < 90) as meetings_90d,
    count(*) filter (where is_meeting and is_missed and days_ago < 90) as meetings_missed_90d,
    count(distinct case when days_ago < 90 then person_id end) as people_90d,
    count(distinct case when days_ago < 90 and direction = 'inbound' then person_id end)
        as people_inbound_90d,
    min(days_ago) as days_since_activity,
    min(case when direction = 'inbound' then days_ago end) as days_since_inbound,
    max(sentiments.sentiment_90d) as sentiment_90d
from visible
left join sentiments
    on
        visible.account_id = sentiments.account_id
        and visible.as_of_date = sentiments.as_of_date
group by visible.account_id, visible.as_of_date
order by visible.account_id, visible.as_of_date
