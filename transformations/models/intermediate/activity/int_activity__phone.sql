with

calls as (
    select * from {{ ref('stg_phone__calls') }}
),

final as (
    select
        source_system,
        source_id,
        'call' as activity_type,
        direction,
        cast(null as {{ dbt.type_string() }}) as subject,
        occurred_at,
        recorded_at,
        cast(null as {{ dbt.type_string() }}) as user_id,
        user_email,
        cast(null as {{ dbt.type_string() }}) as contact_id,
        cast(null as {{ dbt.type_string() }}) as lead_id,
        person_email,
        cast(null as {{ dbt.type_string() }}) as account_id,
        cast(null as {{ dbt.type_string() }}) as opportunity_id,
        duration_seconds,
        disposition as outcome,
        false as is_automated,
        talk_ratio,
        sentiment,
        cast(null as {{ dbt.type_string() }}) as thread_id,
        true as has_happened,
        load_id
    from calls
)

select * from final
