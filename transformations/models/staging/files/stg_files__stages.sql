with

source as (
    select * from {{ accepted_rows('mapped_files', 'stages') }}
),

renamed as (
    select
        {{ clean_text('source_system') }} as source_system,
        {{ clean_text('source_id') }} as source_id,
        coalesce({{ clean_text('source_pipeline') }}, 'default') as source_pipeline,
        {{ clean_text('source_stage') }} as source_stage,
        {{ clean_text('stage') }} as stage,
        {{ clean_text('forecast_category') }} as forecast_category,
        {{ try_cast_to('stage_order', 'integer') }} as stage_order,
        {{ number_from_text('default_probability', 'decimal(9, 4)') }} as default_probability,
        {{ boolean_from_text('is_open') }} as is_open,
        {{ boolean_from_text('is_won') }} as is_won,
        {{ boolean_from_text('is_lost') }} as is_lost,
        load_id,
        _row as source_row
    from source
),

last_loaded as (
    {{ last_loaded('renamed', key='source_system, source_pipeline, source_stage') }}
)

select
    source_system,
    source_id,
    source_pipeline,
    source_stage,
    stage,
    forecast_category,
    stage_order,
    default_probability,
    is_open,
    is_won,
    is_lost,
    load_id
from last_loaded
