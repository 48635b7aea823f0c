with

messages as (
    select * from {{ ref('stg_email__messages') }}
),

final as (
    select
        source_system,
        source_id,
        'email' as activity_type,
        direction,
        subject,
        occurred_at,
        recorded_at,
        cast(null as {{ dbt.type_string() }}) as user_id,
        user_email,
        cast(null as {{ dbt.type_string() }}) as contact_id,
        cast(null as {{ dbt.type_string() }}) as lead_id,
        case when direction = 'inbound' then from_email else first_to_email end as person_email,
        cast(null as {{ dbt.type_string() }}) as account_id,
        cast(null as {{ dbt.type_string() }}) as opportunity_id,
        cast(null as bigint) as duration_seconds,
        cast(null as {{ dbt.type_string() }}) as outcome,
        is_automated,
        cast(null as double) as talk_ratio,
        cast(null as double) as sentiment,
        {{ global_id('source_system', 'thread_source_id') }} as thread_id,
        true as has_happened,
        load_id
    from messages
)

select * from final
