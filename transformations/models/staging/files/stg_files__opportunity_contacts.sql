with

source as (
    select * from {{ accepted_rows('mapped_files', 'opportunity_contacts') }}
),

renamed as (
    select
        {{ clean_text('source_system') }} as source_system,
        {{ clean_text('source_id') }} as source_id,
        {{ clean_text('opportunity_id') }} as opportunity_source_id,
        {{ clean_text('contact_id') }} as contact_source_id,
        {{ clean_text('role') }} as role,
        coalesce({{ boolean_from_text('is_primary') }}, false) as is_primary,
        coalesce({{ boolean_from_text('is_deleted') }}, false) as is_deleted,
        {{ utc_timestamp('created_at') }} as created_at,
        coalesce(
            {{ utc_timestamp('modified_at') }},
            {{ utc_timestamp('exported_on') }},
            {{ utc_timestamp('created_at') }}
        ) as modified_at,
        load_id,
        _row as source_row
    from source
),

latest as (
    {{ latest_version('renamed', key='source_system, source_id') }}
)

select
    source_system,
    source_id,
    opportunity_source_id,
    contact_source_id,
    role,
    is_primary,
    is_deleted,
    created_at,
    modified_at,
    load_id
from latest
