{{ config(
    materialized='incremental',
    incremental_strategy=incremental_strategy(),
    unique_key='source_id'
) }}

with

source as (
    select *
    from {{ accepted_rows('raw_meetings', 'meetings', after_load_id=watermark('load_id')) }}
),

renamed as (
    select
        cast('meetings' as {{ dbt.type_string() }}) as source_system,
        {{ clean_text('meeting_id') }} as source_id,
        {{ clean_email('organizer_email') }} as user_email,
        attendees,
        {{ clean_text('title') }} as title,
        lower({{ clean_text('status') }}) as status,
        {{ clean_text('platform') }} as platform,
        {{ utc_timestamp('start_at') }} as occurred_at,
        {{ utc_timestamp('end_at') }} as ended_at,
        {{ utc_timestamp('created_at') }} as created_at,
        greatest(
            coalesce({{ utc_timestamp('end_at') }}, {{ utc_timestamp('start_at') }}),
            coalesce({{ utc_timestamp('created_at') }}, {{ utc_timestamp('start_at') }})
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
    user_email,
    attendees,
    title,
    status,
    platform,
    occurred_at,
    ended_at,
    created_at,
    recorded_at,
    load_id
from last_loaded
