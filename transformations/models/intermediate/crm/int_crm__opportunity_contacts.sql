with

staged as (
    {{ union_systems('opportunity_contacts', columns=[
        'source_system', 'source_id', 'opportunity_source_id', 'contact_source_id', 'role',
        'is_primary', 'is_deleted', 'created_at', 'modified_at'
    ]) }}
),

final as (
    select
        {{ global_id('source_system', 'source_id') }} as opportunity_contact_id,
        source_system,
        source_id,
        {{ global_id('source_system', 'opportunity_source_id') }} as opportunity_id,
        {{ global_id('source_system', 'contact_source_id') }} as contact_id,
        role,
        is_primary,
        is_deleted,
        created_at,
        modified_at
    from staged
)

select * from final
