with

staged as (
    {{ union_systems('crm', object='campaign_members', columns=[
        'source_system', 'source_id', 'campaign_source_id', 'lead_source_id', 'contact_source_id',
        'status', 'has_responded', 'first_responded_at', 'is_deleted', 'created_at', 'modified_at'
    ]) }}
),

final as (
    select
        {{ global_id('source_system', 'source_id') }} as campaign_member_id,
        source_system,
        source_id,
        {{ global_id('source_system', 'campaign_source_id') }} as campaign_id,
        {{ global_id('source_system', 'lead_source_id') }} as lead_id,
        {{ global_id('source_system', 'contact_source_id') }} as contact_id,
        status,
        has_responded,
        first_responded_at,
        is_deleted,
        created_at,
        modified_at
    from staged
)

select * from final
