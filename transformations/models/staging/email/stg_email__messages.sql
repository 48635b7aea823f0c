{{ config(
    materialized='incremental',
    incremental_strategy=incremental_strategy(),
    unique_key='source_id'
) }}

with

source as (
    select * from {{ accepted_rows('raw_email', 'messages', after_load_id=watermark('load_id')) }}
),

renamed as (
    select
        cast('email' as {{ dbt.type_string() }}) as source_system,
        {{ clean_text('message_id') }} as source_id,
        {{ clean_text('thread_id') }} as thread_source_id,
        {{ clean_text('in_reply_to') }} as in_reply_to_source_id,
        {{ clean_text('sequence_id') }} as sequence_source_id,
        {{ clean_email('mailbox') }} as user_email,
        lower({{ clean_text('direction') }}) as direction,
        {{ clean_email('from_address') }} as from_email,
        {{ clean_email(dbt.split_part('to_addresses', "';'", 1)) }} as first_to_email,
        {{ clean_text('subject') }} as subject,
        {{ number_from_text('snippet_chars', 'bigint') }} as character_count,
        coalesce({{ boolean_from_text('is_automated') }}, false) as is_automated,
        {{ utc_timestamp('sent_at') }} as occurred_at,
        {{ utc_timestamp('sent_at') }} as recorded_at,
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
    thread_source_id,
    in_reply_to_source_id,
    sequence_source_id,
    user_email,
    direction,
    from_email,
    first_to_email,
    subject,
    character_count,
    is_automated,
    occurred_at,
    recorded_at,
    load_id
from last_loaded
