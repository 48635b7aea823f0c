with

source as (
    select * from {{ accepted_rows('mapped_files', 'opportunity_lines') }}
),

renamed as (
    select
        {{ clean_text('source_system') }} as source_system,
        {{ clean_text('source_id') }} as source_id,
        {{ clean_text('opportunity_id') }} as opportunity_source_id,
        {{ clean_text('product_id') }} as product_source_id,
        upper({{ clean_text('currency_code') }}) as currency_code,
        {{ number_from_text('quantity', 'decimal(18, 4)') }} as quantity,
        {{ number_from_text('unit_price', 'decimal(18, 2)') }} as unit_price_local,
        {{ number_from_text('list_price', 'decimal(18, 2)') }} as list_price_local,
        {{ number_from_text('amount', 'decimal(18, 2)') }} as amount_local,
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
    product_source_id,
    currency_code,
    quantity,
    unit_price_local,
    list_price_local,
    amount_local,
    is_deleted,
    created_at,
    modified_at,
    load_id
from latest
