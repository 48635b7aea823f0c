with

source as (
    select * from {{ accepted_rows('mapped_files', 'leads') }}
),

renamed as (
    select
        {{ clean_text('source_system') }} as source_system,
        {{ clean_text('source_id') }} as source_id,
        {{ clean_text('owner_user_id') }} as owner_user_source_id,
        {{ clean_text('converted_account_id') }} as converted_account_source_id,
        {{ clean_text('converted_contact_id') }} as converted_contact_source_id,
        {{ clean_text('converted_opportunity_id') }} as converted_opportunity_source_id,
        {{ clean_text('name') }} as name,
        {{ clean_email('email') }} as email,
        {{ clean_text('company') }} as company,
        {{ clean_text('title') }} as title,
        {{ clean_text('status') }} as status,
        {{ clean_text('lead_source') }} as lead_source,
        {{ clean_text('industry') }} as industry,
        {{ clean_text('rating') }} as rating,
        {{ clean_text('country') }} as country,
        {{ clean_text('region') }} as region,
        {{ lower_bound_from_text('employee_count') }} as employee_count,
        coalesce(
            {{ boolean_from_text('is_converted') }},
            {{ clean_text('converted_opportunity_id') }} is not null
        ) as is_converted,
        {{ is_email_valid('email') }} as is_email_valid,
        {{ utc_timestamp('converted_at') }} as converted_at,
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
    owner_user_source_id,
    converted_account_source_id,
    converted_contact_source_id,
    converted_opportunity_source_id,
    name,
    email,
    company,
    title,
    status,
    lead_source,
    industry,
    rating,
    country,
    region,
    employee_count,
    is_converted,
    is_email_valid,
    converted_at,
    is_deleted,
    created_at,
    modified_at,
    load_id,
    source_row
from last_loaded
