with

tasks as (
    select * from {{ ref('stg_salesforce__tasks') }}
),

events as (
    select * from {{ ref('stg_salesforce__events') }}
),

-- a task is an activity once it is done
task_activities as (
    select
        source_system,
        source_id,
        'task' as activity_type,
        lower(call_type) as direction,
        subject,
        coalesce(completed_at, cast(due_date as timestamp), created_at) as occurred_at,
        modified_at,
        owner_user_source_id,
        contact_source_id,
        lead_source_id,
        account_source_id,
        opportunity_source_id,
        duration_seconds,
        coalesce(call_disposition, status) as outcome,
        is_closed and not is_deleted as has_happened,
        load_id
    from tasks
),

event_activities as (
    select
        source_system,
        source_id,
        'event' as activity_type,
        cast(null as {{ dbt.type_string() }}) as direction,
        subject,
        coalesce(started_at, created_at) as occurred_at,
        modified_at,
        owner_user_source_id,
        contact_source_id,
        lead_source_id,
        account_source_id,
        opportunity_source_id,
        duration_minutes * 60 as duration_seconds,
        cast(null as {{ dbt.type_string() }}) as outcome,
        not is_deleted as has_happened,
        load_id
    from events
),

activities as (
    select * from task_activities
    union all
    select * from event_activities
),

final as (
    select
        source_system,
        source_id,
        activity_type,
        direction,
        subject,
        occurred_at,
        -- what is planned counts from when it takes place
        greatest(modified_at, occurred_at) as recorded_at,
        {{ global_id('source_system', 'owner_user_source_id') }} as user_id,
        cast(null as {{ dbt.type_string() }}) as user_email,
        {{ global_id('source_system', 'contact_source_id') }} as contact_id,
        {{ global_id('source_system', 'lead_source_id') }} as lead_id,
        cast(null as {{ dbt.type_string() }}) as person_email,
        {{ global_id('source_system', 'account_source_id') }} as account_id,
        {{ global_id('source_system', 'opportunity_source_id') }} as opportunity_id,
        cast(duration_seconds as bigint) as duration_seconds,
        outcome,
        false as is_automated,
        cast(null as double) as talk_ratio,
        cast(null as double) as sentiment,
        cast(null as {{ dbt.type_string() }}) as thread_id,
        has_happened,
        load_id
    from activities
)

select * from final
