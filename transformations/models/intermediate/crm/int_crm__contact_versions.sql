with

staged as (
    {{ union_systems('crm', object='contact_versions', columns=[
        'source_system', 'source_id', 'account_source_id', 'owner_user_source_id',
        'merged_into_contact_source_id', 'name', 'email', 'title', 'department', 'lead_source',
        'is_email_valid', 'is_deleted', 'created_at', 'modified_at', 'load_id'
    ]) }}
),

visible as (
    {{ visible_versions('staged', key='source_system, source_id') }}
),

final as (
    select
        {{ global_id('source_system', 'source_id') }} as contact_id,
        source_system,
        source_id,
        {{ global_id('source_system', 'account_source_id') }} as account_id,
        name,
        email,
        title,
        department,
        lead_source,
        {{ global_id('source_system', 'owner_user_source_id') }} as owner_user_id,
        {{ global_id('source_system', 'merged_into_contact_source_id') }} as merged_into_contact_id,
        is_email_valid,
        is_deleted,
        created_at,
        modified_at,
        load_id
    from visible
)

select * from final
