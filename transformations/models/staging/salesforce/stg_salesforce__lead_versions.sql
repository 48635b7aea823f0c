{{ config(
    materialized='incremental',
    incremental_strategy=incremental_strategy(),
    unique_key=['source_id', 'modified_at']
) }}

with

source as (
    select *
    from {{ accepted_rows('raw_salesforce', 'Lead', after_load_id=watermark('load_id')) }}
),

renamed as (
    select
        cast('salesforce' as {{ dbt.type_string() }}) as source_system,
        {{ clean_text('Id') }} as source_id,
        {{ clean_text('OwnerId') }} as owner_user_source_id,
        {{ clean_text('ConvertedAccountId') }} as converted_account_source_id,
        {{ clean_text('ConvertedContactId') }} as converted_contact_source_id,
        {{ clean_text('ConvertedOpportunityId') }} as converted_opportunity_source_id,
        coalesce(
            {{ clean_text('Name') }},
            {{ clean_text("coalesce(FirstName, '') || ' ' || coalesce(LastName, '')") }}
        ) as name,
        {{ clean_email('Email') }} as email,
        {{ clean_text('Company') }} as company,
        {{ clean_text('Title') }} as title,
        {{ clean_text('Status') }} as status,
        {{ clean_text('LeadSource') }} as lead_source,
        {{ clean_text('Industry') }} as industry,
        {{ clean_text('Rating') }} as rating,
        {{ clean_text('Country') }} as country,
        cast(null as {{ dbt.type_string() }}) as region,
        {{ lower_bound_from_text('NumberOfEmployees') }} as employee_count,
        coalesce({{ boolean_from_text('IsConverted') }}, false) as is_converted,
        {{ is_email_valid('Email') }} as is_email_valid,
        {{ utc_timestamp('ConvertedDate') }} as converted_at,
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
    owner_user_source_id,
    converted_account_source_id,
    converted_contact_source_id,
    converted_opportunity_source_id,
    name,
    email,
    company,
    title,
    status,
    lead_source,
    industry,
    rating,
    country,
    region,
    employee_count,
    is_converted,
    is_email_valid,
    converted_at,
    is_deleted,
    created_at,
    modified_at,
    load_id,
    source_row
from last_loaded
