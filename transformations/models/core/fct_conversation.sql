with

conversations as (
    select * from {{ ref('int_activity__conversations') }}
),

actions as (
    select * from {{ ref('int_activity__conversation_actions') }}
),

activities as (
    select * from {{ ref('fct_activity') }}
),

matches as (
    select * from {{ ref('bridge_activity_opportunity') }}
),

action_counts as (
    select
        activity_id,
        count(*) as action_count
    from actions
    group by activity_id
),

final as (
    select
        conversations.activity_id,
        conversations.source_system,
        conversations.source_id,
        conversations.conversation_type,
        matches.opportunity_id,
        activities.user_id,
        activities.person_contact_id,
        activities.person_lead_id,
        activities.account_id,
        activities.occurred_at,
        activities.occurred_date,
        conversations.recorded_at,
        coalesce(conversations.duration_seconds, activities.duration_seconds) as duration_seconds,
        conversations.talk_ratio,
        conversations.longest_monologue_seconds,
        conversations.question_count,
        cast(
            conversations.question_count * 3600.0
            / nullif(coalesce(conversations.duration_seconds, activities.duration_seconds), 0)
            as decimal(18, 4)
        ) as questions_per_hour,
        conversations.sentiment,
        cast(coalesce(action_counts.action_count, 0) as bigint) as action_count,
        conversations.transcript_ref,
        greatest(conversations.load_id, activities.load_id) as load_id
    from conversations
    inner join activities
        on conversations.activity_id = activities.activity_id
    left join matches
        on conversations.activity_id = matches.activity_id
    left join action_counts
        on conversations.activity_id = action_counts.activity_id
)

select * from final
