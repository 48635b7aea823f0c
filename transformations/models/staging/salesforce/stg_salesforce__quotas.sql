with

source as (
    select * from {{ accepted_rows('raw_salesforce', 'ForecastingQuota') }}
),

renamed as (
    select
        cast('salesforce' as {{ dbt.type_string() }}) as source_system,
        {{ clean_text('Id') }} as source_id,
        {{ clean_text('QuotaOwnerId') }} as user_source_id,
        case
            when {{ boolean_from_text('IsQuantity') }} then 'qualified_opportunities'
            else 'bookings'
        end as measure,
        upper({{ clean_text('CurrencyIsoCode') }}) as currency_code,
        case
            when {{ boolean_from_text('IsQuantity') }}
                then {{ number_from_text('QuotaQuantity', 'decimal(18, 2)') }}
            else {{ number_from_text('QuotaAmount', 'decimal(18, 2)') }}
        end as amount,
        {{ date_from_text('StartDate') }} as period_start,
        cast(null as date) as period_end,
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

last_loaded as (
    {{ last_loaded('renamed', key='source_id, modified_at') }}
),

visible as (
    {{ visible_versions('last_loaded', key='source_id') }}
)

select
    source_system,
    source_id,
    user_source_id,
    measure,
    currency_code,
    amount,
    period_start,
    period_end,
    created_at,
    modified_at,
    load_id
from visible
