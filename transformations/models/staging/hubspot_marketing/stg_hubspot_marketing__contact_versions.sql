{{ config(
    materialized='incremental',
    incremental_strategy=incremental_strategy(),
    unique_key=['source_id', 'modified_at']
) }}

with

source as (
    select *
    from {{ accepted_rows(
        'raw_hubspot_marketing', 'contacts', after_load_id=watermark('load_id')
    ) }}
),

renamed as (
    select
        cast('hubspot_marketing' as {{ dbt.type_string() }}) as source_system,
        {{ clean_text('id') }} as source_id,
        {{ json_text('properties', 'salesforcecontactid') }} as crm_contact_source_id,
        {{ json_text('properties', 'salesforceleadid') }} as crm_lead_source_id,
        {{ json_text('properties', 'firstname') }} as first_name,
        {{ json_text('properties', 'lastname') }} as last_name,
        {{ clean_email(json_text('properties', 'email')) }} as email,
        {{ json_text('properties', 'company') }} as company,
        {{ json_text('properties', 'jobtitle') }} as title,
        {{ json_text('properties', 'lifecyclestage') }} as lifecycle_stage,
        {{ json_text('properties', 'hs_lead_status') }} as lead_status,
        {{ json_text('properties', 'hs_analytics_source') }} as original_source,
        {{ json_text('properties', 'country') }} as country,
        {{ is_email_valid(json_text('properties', 'email')) }} as is_email_valid,
        coalesce({{ boolean_from_text('archived') }}, false) as is_archived,
        coalesce({{ utc_timestamp('createdAt') }}, {{ epoch_millis_timestamp('createdAt') }})
            as created_at,
        coalesce(
            {{ utc_timestamp('updatedAt') }},
            {{ epoch_millis_timestamp('updatedAt') }},
            {{ utc_timestamp('createdAt') }},
            {{ epoch_millis_timestamp('createdAt') }}
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
    crm_contact_source_id,
    crm_lead_source_id,
    first_name,
    last_name,
    email,
    company,
    title,
    lifecycle_stage,
    lead_status,
    original_source,
    country,
    is_email_valid,
    is_archived,
    created_at,
    modified_at,
    load_id,
    source_row
from last_loaded
