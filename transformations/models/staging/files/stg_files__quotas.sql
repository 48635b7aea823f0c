with

source as (
    select * from {{ accepted_rows('mapped_files', 'quotas') }}
),

renamed as (
    select
        {{ clean_text('source_system') }} as source_system,
        {{ clean_text('source_id') }} as source_id,
        {{ clean_text('user_id') }} as user_source_id,
        coalesce({{ clean_text('measure') }}, 'bookings') as measure,
        upper({{ clean_text('currency_code') }}) as currency_code,
        {{ number_from_text('amount', 'decimal(18, 2)') }} as amount,
        {{ date_from_text('period_start') }} as period_start,
        {{ date_from_text('period_end') }} as period_end,
        {{ utc_timestamp('period_start') }} as created_at,
        coalesce(
            {{ utc_timestamp('modified_at') }},
            {{ utc_timestamp('exported_on') }}
        ) as modified_at,
        load_id,
        _row as source_row
    from source
),

last_loaded as (
    {{ last_loaded('renamed', key='source_system, source_id, modified_at') }}
),

visible as (
    {{ visible_versions('last_loaded', key='source_system, source_id') }}
)

select
    source_system,
    source_id,
    user_source_id,
    measure,
    currency_code,
    amount,
    period_start,
    period_end,
    created_at,
    modified_at,
    load_id
from visible
