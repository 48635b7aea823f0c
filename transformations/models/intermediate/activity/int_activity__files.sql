with

activities as (
    select * from {{ ref('stg_files__activities') }}
),

final as (
    select
        source_system,
        source_id,
        case
            when activity_type in ('email', 'call', 'meeting', 'event') then activity_type
            else 'task'
        end as activity_type,
        case when direction in ('inbound', 'outbound', 'internal') then direction end as direction,
        subject,
        occurred_at,
        greatest(recorded_at, occurred_at) as recorded_at,
        {{ global_id('source_system', 'user_source_id') }} as user_id,
        user_email,
        {{ global_id('source_system', 'contact_source_id') }} as contact_id,
        {{ global_id('source_system', 'lead_source_id') }} as lead_id,
        person_email,
        {{ global_id('source_system', 'account_source_id') }} as account_id,
        {{ global_id('source_system', 'opportunity_source_id') }} as opportunity_id,
        duration_seconds,
        outcome,
        is_automated,
        cast(null as double) as talk_ratio,
        cast(null as double) as sentiment,
        {{ global_id('source_system', 'thread_source_id') }} as thread_id,
        true as has_happened,
        load_id
    from activities
)

select * from final
