with

source as (
    select * from {{ accepted_rows('raw_salesforce', 'ForecastSubmission__c') }}
),

renamed as (
    select
        cast('salesforce' as {{ dbt.type_string() }}) as source_system,
        {{ clean_text('Id') }} as source_id,
        {{ clean_text('OwnerId') }} as submitter_source_id,
        {{ clean_text('SubmittedFor__c') }} as subject_source_id,
        {{ clean_text('ForecastCategory__c') }} as forecast_category,
        {{ clean_text('Comment__c') }} as comment,
        {{ boolean_from_text('IsOverride__c') }} as is_override,
        coalesce({{ boolean_from_text('IsDeleted') }}, false) as is_deleted,
        upper({{ clean_text('CurrencyIsoCode') }}) as currency_code,
        {{ number_from_text('Amount__c', 'decimal(18, 2)') }} as amount,
        {{ date_from_text('PeriodStart__c') }} as period_start,
        cast(
            {{ dbt.dateadd('day', 1, date_from_text('PeriodEnd__c')) }} as date
        ) as period_end,
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
    submitter_source_id,
    subject_source_id,
    forecast_category,
    comment,
    is_override,
    is_deleted,
    currency_code,
    amount,
    period_start,
    period_end,
    created_at,
    modified_at,
    load_id
from latest
