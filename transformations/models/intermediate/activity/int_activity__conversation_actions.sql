with

versions as (
    {{ union_systems('conversation_actions', object='action_item_versions', columns=[
        'source_system', 'source_id', 'conversation_source_id', 'owner_email', 'action_kind',
        'description', 'due_date', 'status', 'completed_at', 'created_at', 'modified_at',
        'load_id', 'source_row'
    ]) }}
),

users as (
    select * from {{ ref('int_crm__user_emails') }}
),

latest as (
    {{ latest_version('versions', key='source_system, source_id') }}
),

final as (
    select
        {{ global_id('latest.source_system', 'latest.source_id') }} as action_id,
        latest.source_system,
        latest.source_id,
        {{ global_id('latest.source_system', 'latest.conversation_source_id') }} as activity_id,
        users.user_id as owner_user_id,
        case
            when
                latest.action_kind in (
                    'send_information', 'schedule_meeting', 'schedule_demo',
                    'intro_decision_maker', 'technical_answer', 'pricing', 'send_proposal',
                    'reference', 'legal'
                )
                then latest.action_kind
            else 'other'
        end as action_kind,
        latest.description,
        latest.due_date,
        latest.status,
        latest.created_at,
        case
            when latest.status = 'completed'
                then coalesce(latest.completed_at, latest.modified_at)
        end as completed_at,
        latest.modified_at,
        latest.load_id
    from latest
    left join users
        on latest.owner_email = users.email
)

select * from final
