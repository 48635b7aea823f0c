with

source as (
    select * from {{ accepted_rows('raw_salesforce', 'OpportunityLineItem') }}
),

renamed as (
    select
        cast('salesforce' as {{ dbt.type_string() }}) as source_system,
        {{ clean_text('Id') }} as source_id,
        {{ clean_text('OpportunityId') }} as opportunity_source_id,
        {{ clean_text('Product2Id') }} as product_source_id,
        upper({{ clean_text('CurrencyIsoCode') }}) as currency_code,
        {{ number_from_text('Quantity', 'decimal(18, 4)') }} as quantity,
        {{ number_from_text('UnitPrice', 'decimal(18, 2)') }} as unit_price_local,
        {{ number_from_text('ListPrice', 'decimal(18, 2)') }} as list_price_local,
        {{ number_from_text('TotalPrice', 'decimal(18, 2)') }} as amount_local,
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
