with

source as (
    select * from {{ accepted_rows('mapped_files', 'accounts') }}
),

renamed as (
    select
        {{ clean_text('source_system') }} as source_system,
        {{ clean_text('source_id') }} as source_id,
        {{ clean_text('parent_account_id') }} as parent_account_source_id,
        {{ clean_text('merged_into_account_id') }} as merged_into_account_source_id,
        {{ clean_text('owner_user_id') }} as owner_user_source_id,
        {{ clean_text('name') }} as name,
        {{ clean_text('account_type') }} as account_type,
        {{ clean_text('industry') }} as industry,
        {{ clean_text('segment') }} as segment,
        {{ clean_text('country') }} as country,
        {{ clean_text('region') }} as region,
        {{ clean_text('website') }} as website,
        {{ lower_bound_from_text('employee_count') }} as employee_count,
        {{ number_from_text('annual_revenue', 'decimal(18, 2)') }} as annual_revenue,
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
    parent_account_source_id,
    merged_into_account_source_id,
    owner_user_source_id,
    name,
    account_type,
    industry,
    segment,
    country,
    region,
    website,
    employee_count,
    annual_revenue,
    is_deleted,
    created_at,
    modified_at,
    load_id,
    source_row
from last_loaded
