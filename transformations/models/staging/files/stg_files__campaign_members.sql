with

source as (
    select * from {{ accepted_rows('mapped_files', 'campaign_members') }}
),

renamed as (
    select
        {{ clean_text('source_system') }} as source_system,
        {{ clean_text('source_id') }} as source_id,
        {{ clean_text('campaign_id') }} as campaign_source_id,
        {{ clean_text('lead_id') }} as lead_source_id,
        {{ clean_text('contact_id') }} as contact_source_id,
        {{ clean_text('status') }} as status,
        coalesce({{ boolean_from_text('has_responded') }}, false) as has_responded,
        {{ utc_timestamp('first_responded_at') }} as first_responded_at,
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
    campaign_source_id,
    lead_source_id,
    contact_source_id,
    status,
    has_responded,
    first_responded_at,
    is_deleted,
    created_at,
    modified_at,
    load_id
from latest
