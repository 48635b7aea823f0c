{{ config(
    materialized='incremental',
    incremental_strategy=incremental_strategy(),
    unique_key='source_id'
) }}

with

source as (
    select *
    from {{ accepted_rows('raw_meetings', 'recordings', after_load_id=watermark('load_id')) }}
),

renamed as (
    select
        cast('meetings' as {{ dbt.type_string() }}) as source_system,
        {{ clean_text('meeting_id') }} as source_id,
        {{ clean_text('transcript_ref') }} as transcript_ref,
        {{ number_from_text('duration_seconds', 'bigint') }} as duration_seconds,
        {{ number_from_text('talk_ratio', 'double') }} as talk_ratio,
        {{ number_from_text('longest_monologue_seconds', 'bigint') }} as longest_monologue_seconds,
        {{ number_from_text('question_count', 'bigint') }} as question_count,
        {{ number_from_text('sentiment', 'double') }} as sentiment,
        {{ utc_timestamp('analyzed_at') }} as recorded_at,
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
    transcript_ref,
    duration_seconds,
    talk_ratio,
    longest_monologue_seconds,
    question_count,
    sentiment,
    recorded_at,
    load_id
from last_loaded
