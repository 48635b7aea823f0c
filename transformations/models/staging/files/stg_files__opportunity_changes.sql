with

source as (
    select * from {{ accepted_rows('mapped_files', 'opportunity_changes') }}
),

renamed as (
    select
        {{ clean_text('source_system') }} as source_system,
        {{ clean_text('source_id') }} as source_id,
        {{ clean_text('opportunity_id') }} as opportunity_source_id,
        {{ clean_text('changed_by_user_id') }} as changed_by_user_source_id,
        lower({{ clean_text('field') }}) as field,
        {{ clean_text('old_value') }} as old_value,
        {{ clean_text('new_value') }} as new_value,
        cast(false as boolean) as is_deleted,
        {{ utc_timestamp('changed_at') }} as changed_at,
        coalesce({{ utc_timestamp('recorded_at') }}, {{ utc_timestamp('changed_at') }})
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
    opportunity_source_id,
    changed_by_user_source_id,
    field,
    old_value,
    new_value,
    is_deleted,
    changed_at,
    recorded_at,
    load_id
from last_loaded
