with

source as (
    select * from {{ accepted_rows('mapped_files', 'forecast_submissions') }}
),

renamed as (
    select
        {{ clean_text('source_system') }} as source_system,
        {{ clean_text('source_id') }} as source_id,
        {{ clean_text('submitter_user_id') }} as submitter_source_id,
        {{ clean_text('subject_user_id') }} as subject_source_id,
        {{ clean_text('forecast_category') }} as forecast_category,
        {{ clean_text('comment') }} as comment,
        {{ boolean_from_text('is_override') }} as is_override,
        coalesce({{ boolean_from_text('is_deleted') }}, false) as is_deleted,
        upper({{ clean_text('currency_code') }}) as currency_code,
        {{ number_from_text('amount', 'decimal(18, 2)') }} as amount,
        {{ date_from_text('period_start') }} as period_start,
        {{ date_from_text('period_end') }} as period_end,
        {{ utc_timestamp('submitted_at') }} as created_at,
        coalesce(
            {{ utc_timestamp('modified_at') }},
            {{ utc_timestamp('submitted_at') }}
        ) as modified_at,
        load_id,
        _row as source_row
    from source
),

latest as (
    {{ latest_version('renamed', key='source_system, source_id') }}
)

select
    source_system,
    source_id,
    submitter_source_id,
    subject_source_id,
    forecast_category,
    comment,
    is_override,
    is_deleted,
    currency_code,
    amount,
    period_start,
    period_end,
    created_at,
    modified_at,
    load_id
from latest
