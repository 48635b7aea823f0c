{{ config(
    materialized='incremental',
    incremental_strategy=incremental_strategy(),
    unique_key=['source_id', 'modified_at']
) }}

with

source as (
    select *
    from {{ accepted_rows('raw_salesforce', 'Opportunity', after_load_id=watermark('load_id')) }}
),

renamed as (
    select
        cast('salesforce' as {{ dbt.type_string() }}) as source_system,
        {{ clean_text('Id') }} as source_id,
        {{ clean_text('AccountId') }} as account_source_id,
        {{ clean_text('OwnerId') }} as owner_user_source_id,
        {{ clean_text('CampaignId') }} as campaign_source_id,
        {{ clean_text('Name') }} as name,
        {{ clean_text('Type') }} as opportunity_type,
        cast('default' as {{ dbt.type_string() }}) as source_pipeline,
        {{ clean_text('StageName') }} as source_stage,
        coalesce({{ clean_text('ForecastCategoryName') }}, {{ clean_text('ForecastCategory') }})
            as forecast_category,
        {{ clean_text('LeadSource') }} as lead_source,
        {{ clean_text('Loss_Reason__c') }} as loss_reason,
        {{ clean_text('Competitor__c') }} as competitor,
        {{ clean_text('NextStep') }} as next_step,
        upper({{ clean_text('CurrencyIsoCode') }}) as currency_code,
        {{ number_from_text('Amount', 'decimal(18, 2)') }} as amount_local,
        cast({{ number_from_text('Probability', 'decimal(9, 4)') }} / 100 as decimal(9, 4))
            as probability,
        {{ date_from_text('CloseDate') }} as close_date,
        case
            when {{ boolean_from_text('IsClosed') }} then {{ utc_timestamp('LastStageChangeDate') }}
        end as closed_at,
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

last_loaded as (
    {{ last_loaded('renamed', key='source_id, modified_at') }}
)

select
    source_system,
    source_id,
    account_source_id,
    owner_user_source_id,
    campaign_source_id,
    name,
    opportunity_type,
    source_pipeline,
    source_stage,
    forecast_category,
    lead_source,
    loss_reason,
    competitor,
    next_step,
    currency_code,
    amount_local,
    probability,
    close_date,
    closed_at,
    is_deleted,
    created_at,
    modified_at,
    load_id,
    source_row
from last_loaded
