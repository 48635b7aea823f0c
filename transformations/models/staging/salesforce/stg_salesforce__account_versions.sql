{{ config(
    materialized='incremental',
    incremental_strategy=incremental_strategy(),
    unique_key=['source_id', 'modified_at']
) }}

with

source as (
    select *
    from {{ accepted_rows('raw_salesforce', 'Account', after_load_id=watermark('load_id')) }}
),

renamed as (
    select
        cast('salesforce' as {{ dbt.type_string() }}) as source_system,
        {{ clean_text('Id') }} as source_id,
        {{ clean_text('ParentId') }} as parent_account_source_id,
        {{ clean_text('MasterRecordId') }} as merged_into_account_source_id,
        {{ clean_text('OwnerId') }} as owner_user_source_id,
        {{ clean_text('Name') }} as name,
        {{ clean_text('Type') }} as account_type,
        {{ clean_text('Industry') }} as industry,
        {{ clean_text('Segment__c') }} as segment,
        {{ clean_text('BillingCountry') }} as country,
        {{ clean_text('Region__c') }} as region,
        {{ clean_text('Website') }} as website,
        {{ lower_bound_from_text('NumberOfEmployees') }} as employee_count,
        {{ number_from_text('AnnualRevenue', 'decimal(18, 2)') }} as annual_revenue,
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
