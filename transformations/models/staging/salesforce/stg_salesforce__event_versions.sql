{{ config(
    materialized='incremental',
    incremental_strategy=incremental_strategy(),
    unique_key=['source_id', 'modified_at']
) }}

with

source as (
    select *
    from {{ accepted_rows('raw_salesforce', 'Event', after_load_id=watermark('load_id')) }}
),

renamed as (
    select
        cast('salesforce' as {{ dbt.type_string() }}) as source_system,
        {{ clean_text('Id') }} as source_id,
        {{ salesforce_reference('WhoId', 'Contact') }} as contact_source_id,
        {{ salesforce_reference('WhoId', 'Lead') }} as lead_source_id,
        {{ salesforce_reference('WhatId', 'Opportunity') }} as opportunity_source_id,
        coalesce(
            {{ clean_text('AccountId') }},
            {{ salesforce_reference('WhatId', 'Account') }}
        ) as account_source_id,
        {{ clean_text('OwnerId') }} as owner_user_source_id,
        {{ clean_text('Subject') }} as subject,
        {{ clean_text('EventSubtype') }} as event_subtype,
        {{ number_from_text('DurationInMinutes', 'bigint') }} as duration_minutes,
        coalesce(
            {{ utc_timestamp('StartDateTime') }},
            {{ utc_timestamp('ActivityDateTime') }},
            {{ utc_timestamp('ActivityDate') }}
        ) as started_at,
        {{ utc_timestamp('EndDateTime') }} as ended_at,
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
    contact_source_id,
    lead_source_id,
    opportunity_source_id,
    account_source_id,
    owner_user_source_id,
    subject,
    event_subtype,
    duration_minutes,
    started_at,
    ended_at,
    is_deleted,
    created_at,
    modified_at,
    load_id,
    source_row
from last_loaded
