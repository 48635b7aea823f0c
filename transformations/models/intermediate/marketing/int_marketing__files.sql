with

touches as (
    select * from {{ ref('stg_files__touches') }}
),

final as (
    select
        source_system,
        source_id,
        touch_type,
        channel,
        {{ global_id('source_system', 'campaign_source_id') }} as campaign_id,
        campaign_name,
        cast(null as {{ dbt.type_string() }}) as campaign_type,
        person_email,
        {{ global_id('source_system', 'contact_source_id') }} as contact_id,
        {{ global_id('source_system', 'lead_source_id') }} as lead_id,
        cast(null as {{ dbt.type_string() }}) as utm_source,
        cast(null as {{ dbt.type_string() }}) as utm_medium,
        cast(null as {{ dbt.type_string() }}) as referrer,
        occurred_at,
        greatest(recorded_at, occurred_at) as recorded_at,
        greatest(recorded_at, occurred_at) as known_at,
        true as has_happened,
        load_id
    from touches
)

select * from final
