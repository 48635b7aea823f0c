{{ config(
    materialized='incremental',
    incremental_strategy=incremental_strategy(),
    unique_key=['source_system', 'source_id']
) }}

with

source as (
    select *
    from {{ accepted_rows('mapped_files', 'touches', after_load_id=watermark('load_id')) }}
),

renamed as (
    select
        {{ clean_text('source_system') }} as source_system,
        {{ clean_text('source_id') }} as source_id,
        {{ clean_text('campaign_id') }} as campaign_source_id,
        {{ clean_text('contact_id') }} as contact_source_id,
        {{ clean_text('lead_id') }} as lead_source_id,
        {{ clean_email('person_email') }} as person_email,
        lower({{ clean_text('touch_type') }}) as touch_type,
        lower({{ clean_text('channel') }}) as channel,
        {{ clean_text('campaign_name') }} as campaign_name,
        {{ utc_timestamp('occurred_at') }} as occurred_at,
        coalesce({{ utc_timestamp('recorded_at') }}, {{ utc_timestamp('occurred_at') }})
            as recorded_at,
        load_id,
        _row as source_row
    from source
),

last_loaded as (
    {{ last_loaded('renamed', key='source_system, source_id') }}
)

select
    source_system,
    source_id,
    campaign_source_id,
    contact_source_id,
    lead_source_id,
    person_email,
    touch_type,
    channel,
    campaign_name,
    occurred_at,
    recorded_at,
    load_id
from last_loaded
