{{ config(
    materialized='incremental',
    incremental_strategy=incremental_strategy(),
    unique_key=['source_id', 'modified_at']
) }}

with

source as (
    select *
    from {{ accepted_rows('raw_salesforce', 'Contact', after_load_id=watermark('load_id')) }}
),

renamed as (
    select
        cast('salesforce' as {{ dbt.type_string() }}) as source_system,
        {{ clean_text('Id') }} as source_id,
        {{ clean_text('AccountId') }} as account_source_id,
        {{ clean_text('OwnerId') }} as owner_user_source_id,
        {{ clean_text('MasterRecordId') }} as merged_into_contact_source_id,
        coalesce(
            {{ clean_text('Name') }},
            {{ clean_text("coalesce(FirstName, '') || ' ' || coalesce(LastName, '')") }}
        ) as name,
        {{ clean_email('Email') }} as email,
        {{ clean_text('Title') }} as title,
        {{ clean_text('Department') }} as department,
        {{ clean_text('LeadSource') }} as lead_source,
        {{ is_email_valid('Email') }} as is_email_valid,
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
    merged_into_contact_source_id,
    name,
    email,
    title,
    department,
    lead_source,
    is_email_valid,
    is_deleted,
    created_at,
    modified_at,
    load_id,
    source_row
from last_loaded
