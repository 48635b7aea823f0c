{{ config(
    materialized='incremental',
    incremental_strategy=incremental_strategy(),
    unique_key=['source_id', 'modified_at']
) }}

with

source as (
    select *
    from {{ accepted_rows('raw_phone', 'action_items', after_load_id=watermark('load_id')) }}
),

renamed as (
    select
        cast('phone' as {{ dbt.type_string() }}) as source_system,
        {{ clean_text('action_id') }} as source_id,
        {{ clean_text('call_id') }} as conversation_source_id,
        {{ clean_email('owner_email') }} as owner_email,
        lower({{ clean_text('kind') }}) as action_kind,
        {{ clean_text('text') }} as description,
        {{ date_from_text('due_date') }} as due_date,
        lower({{ clean_text('status') }}) as status,
        {{ utc_timestamp('completed_at') }} as completed_at,
        {{ utc_timestamp('created_at') }} as created_at,
        coalesce({{ utc_timestamp('updated_at') }}, {{ utc_timestamp('created_at') }})
            as modified_at,
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
    conversation_source_id,
    owner_email,
    action_kind,
    description,
    due_date,
    status,
    completed_at,
    created_at,
    modified_at,
    load_id,
    source_row
from last_loaded
