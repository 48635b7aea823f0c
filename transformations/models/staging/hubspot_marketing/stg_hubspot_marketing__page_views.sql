{{ config(
    materialized='incremental',
    incremental_strategy=incremental_strategy(),
    unique_key='source_id'
) }}

with

source as (
    select *
    from {{ accepted_rows(
        'raw_hubspot_marketing', 'page_views', after_load_id=watermark('load_id')
    ) }}
),

renamed as (
    select
        cast('hubspot_marketing' as {{ dbt.type_string() }}) as source_system,
        {{ clean_text('id') }} as source_id,
        {{ clean_text('session_id') }} as session_source_id,
        {{ clean_email('contact_email') }} as person_email,
        {{ clean_text('url') }} as page_url,
        {{ clean_text('title') }} as page_title,
        lower({{ clean_text('referrer') }}) as referrer,
        lower({{ clean_text('utm_source') }}) as utm_source,
        lower({{ clean_text('utm_medium') }}) as utm_medium,
        {{ clean_text('utm_campaign') }} as utm_campaign,
        coalesce(
            {{ utc_timestamp('occurred_at') }},
            {{ epoch_millis_timestamp('occurred_at') }}
        ) as occurred_at,
        coalesce(
            {{ utc_timestamp('occurred_at') }},
            {{ epoch_millis_timestamp('occurred_at') }}
        ) as recorded_at,
        load_id,
        _row as source_row
    from source
),

last_loaded as (
    {{ last_loaded('renamed', key='source_id') }}
)

select
    source_system,
    source_id,
    session_source_id,
    person_email,
    page_url,
    page_title,
    referrer,
    utm_source,
    utm_medium,
    utm_campaign,
    occurred_at,
    recorded_at,
    load_id
from last_loaded
