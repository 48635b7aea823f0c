{{ config(
    materialized='incremental',
    incremental_strategy=incremental_strategy(),
    unique_key=['source_system', 'source_id']
) }}

with

source as (
    select *
    from {{ accepted_rows('mapped_files', 'activities', after_load_id=watermark('load_id')) }}
),

renamed as (
    select
        {{ clean_text('source_system') }} as source_system,
        {{ clean_text('source_id') }} as source_id,
        {{ clean_text('user_id') }} as user_source_id,
        {{ clean_text('contact_id') }} as contact_source_id,
        {{ clean_text('lead_id') }} as lead_source_id,
        {{ clean_text('account_id') }} as account_source_id,
        {{ clean_text('opportunity_id') }} as opportunity_source_id,
        {{ clean_text('thread_id') }} as thread_source_id,
        {{ clean_email('user_email') }} as user_email,
        {{ clean_email('person_email') }} as person_email,
        lower({{ clean_text('activity_type') }}) as activity_type,
        lower({{ clean_text('direction') }}) as direction,
        {{ clean_text('subject') }} as subject,
        {{ clean_text('outcome') }} as outcome,
        {{ number_from_text('duration_seconds', 'bigint') }} as duration_seconds,
        coalesce({{ boolean_from_text('is_automated') }}, false) as is_automated,
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
    user_source_id,
    contact_source_id,
    lead_source_id,
    account_source_id,
    opportunity_source_id,
    thread_source_id,
    user_email,
    person_email,
    activity_type,
    direction,
    subject,
    outcome,
    duration_seconds,
    is_automated,
    occurred_at,
    recorded_at,
    load_id
from last_loaded
