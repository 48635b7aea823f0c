with

actions as (
    select * from {{ ref('int_activity__conversation_actions') }}
),

activities as (
    select * from {{ ref('fct_activity') }}
),

matches as (
    select * from {{ ref('bridge_activity_opportunity') }}
),

clock as (
    select {{ as_of_date() }} as as_of_date
),

final as (
    select
        actions.action_id,
        actions.source_system,
        actions.source_id,
        actions.activity_id,
        matches.opportunity_id,
        actions.owner_user_id,
        actions.action_kind,
        actions.description,
        actions.status,
        actions.due_date,
        actions.created_at,
        actions.completed_at,
        case
            when actions.completed_at is not null
                then {{ elapsed_days('actions.created_at', 'actions.completed_at') }}
        end as days_to_complete,
        actions.status = 'open' as is_open,
        actions.status = 'completed' as is_completed,
        case
            when actions.status = 'completed' and actions.due_date is not null
                then cast(actions.completed_at as date) <= actions.due_date
        end as is_completed_on_time,
        coalesce(
            actions.status = 'open' and actions.due_date < clock.as_of_date, false
        ) as is_overdue,
        actions.modified_at,
        actions.load_id,
        clock.as_of_date
    from actions
    inner join activities
        on actions.activity_id = activities.activity_id
    left join matches
        on actions.activity_id = matches.activity_id
    cross join clock
)

select * from final
