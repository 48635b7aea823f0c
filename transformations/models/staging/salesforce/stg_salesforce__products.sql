with

source as (
    select * from {{ accepted_rows('raw_salesforce', 'Product2') }}
),

renamed as (
    select
        cast('salesforce' as {{ dbt.type_string() }}) as source_system,
        {{ clean_text('Id') }} as source_id,
        {{ clean_text('Name') }} as name,
        {{ clean_text('ProductCode') }} as product_code,
        {{ clean_text('Family') }} as family,
        cast(null as decimal(18, 2)) as list_price,
        coalesce({{ boolean_from_text('IsActive') }}, false) as is_active,
        coalesce({{ boolean_from_text('IsDeleted') }}, false) as is_deleted,
        {{ utc_timestamp('CreatedDate') }} as created_at,
        coalesce(
            {{ utc_timestamp('SystemModstamp') }},
            {{ utc_timestamp('LastModifiedDate') }},
            {{ utc_timestamp('CreatedDate') }}
        ) as modified_at,
        load_id,
        _row as source_row
    from source
),

latest as (
    {{ latest_version('renamed') }}
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
