with

source as (
    select * from {{ accepted_rows('mapped_files', 'fx_rates') }}
),

renamed as (
    select
        {{ clean_text('source_system') }} as source_system,
        {{ clean_text('source_id') }} as source_id,
        upper({{ clean_text('currency_code') }}) as currency_code,
        {{ number_from_text('rate_to_corporate', 'decimal(18, 8)') }} as rate_to_corporate,
        {{ date_from_text('valid_from') }} as valid_from,
        cast(null as date) as valid_to,
        {{ utc_timestamp('valid_from') }} as created_at,
        coalesce(
            {{ utc_timestamp('modified_at') }},
            {{ utc_timestamp('exported_on') }}
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
    currency_code,
    rate_to_corporate,
    valid_from,
    valid_to,
    created_at,
    modified_at,
    load_id
from latest
