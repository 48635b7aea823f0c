with

source as (
    select * from {{ accepted_rows('mapped_files', 'products') }}
),

renamed as (
    select
        {{ clean_text('source_system') }} as source_system,
        {{ clean_text('source_id') }} as source_id,
        {{ clean_text('name') }} as name,
        {{ clean_text('product_code') }} as product_code,
        {{ clean_text('family') }} as family,
        {{ number_from_text('list_price', 'decimal(18, 2)') }} as list_price,
        coalesce({{ boolean_from_text('is_active') }}, true) as is_active,
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
    name,
    product_code,
    family,
    list_price,
    is_active,
    is_deleted,
    created_at,
    modified_at,
    load_id
from latest
