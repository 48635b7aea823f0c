with

source as (
    select * from {{ accepted_rows('raw_salesforce', 'DatedConversionRate') }}
),

renamed as (
    select
        cast('salesforce' as {{ dbt.type_string() }}) as source_system,
        {{ clean_text('Id') }} as source_id,
        upper({{ clean_text('IsoCode') }}) as currency_code,
        cast(
            1 / nullif({{ number_from_text('ConversionRate', 'decimal(18, 8)') }}, 0)
            as decimal(18, 8)
        ) as rate_to_corporate,
        {{ date_from_text('StartDate') }} as valid_from,
        {{ date_from_text('NextStartDate') }} as valid_to,
        {{ utc_timestamp('CreatedDate') }} as created_at,
        coalesce({{ utc_timestamp('SystemModstamp') }}, {{ utc_timestamp('CreatedDate') }})
            as modified_at,
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
    currency_code,
    rate_to_corporate,
    valid_from,
    valid_to,
    created_at,
    modified_at,
    load_id
from latest
