{{ config(
    materialized='incremental',
    incremental_strategy=incremental_strategy(),
    unique_key='source_id'
) }}

with

source as (
    select *
    from {{ accepted_rows(
        'raw_hubspot_marketing', 'email_events', after_load_id=watermark('load_id')
    ) }}
),

renamed as (
    select
        cast('hubspot_marketing' as {{ dbt.type_string() }}) as source_system,
        {{ clean_text('id') }} as source_id,
        {{ clean_text('emailCampaignId') }} as campaign_source_id,
        upper({{ clean_text('type') }}) as event_type,
        {{ clean_email('recipient') }} as person_email,
        {{ clean_text('subject') }} as subject,
        coalesce({{ epoch_millis_timestamp('created') }}, {{ utc_timestamp('created') }})
            as occurred_at,
        coalesce({{ epoch_millis_timestamp('created') }}, {{ utc_timestamp('created') }})
            as recorded_at,
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
    campaign_source_id,
    event_type,
    person_email,
    subject,
    occurred_at,
    recorded_at,
    load_id
from last_loaded
