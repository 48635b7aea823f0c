with

source as (
    select * from {{ accepted_rows('mapped_files', 'contacts') }}
),

renamed as (
    select
        {{ clean_text('source_system') }} as source_system,
        {{ clean_text('source_id') }} as source_id,
        {{ clean_text('account_id') }} as account_source_id,
        {{ clean_text('owner_user_id') }} as owner_user_source_id,
        {{ clean_text('merged_into_contact_id') }} as merged_into_contact_source_id,
        {{ clean_text('name') }} as name,
        {{ clean_email('email') }} as email,
        {{ clean_text('title') }} as title,
        {{ clean_text('department') }} as department,
        {{ clean_text('lead_source') }} as lead_source,
        {{ is_email_valid('email') }} as is_email_valid,
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

last_loaded as (
    {{ last_loaded('renamed', key='source_system, source_id, modified_at') }}
)

select
    source_system,
    source_id,
    account_source_id,
    owner_user_source_id,
    merged_into_contact_source_id,
    name,
    email,
    title,
    department,
    lead_source,
    is_email_valid,
    is_deleted,
    created_at,
    modified_at,
    load_id,
    source_row
from last_loaded
