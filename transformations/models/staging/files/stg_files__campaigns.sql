with

source as (
    select * from {{ accepted_rows('mapped_files', 'campaigns') }}
),

renamed as (
    select
        {{ clean_text('source_system') }} as source_system,
        {{ clean_text('source_id') }} as source_id,
        {{ clean_text('parent_campaign_id') }} as parent_campaign_source_id,
        {{ clean_text('name') }} as name,
        {{ clean_text('campaign_type') }} as campaign_type,
        {{ clean_text('status') }} as status,
        {{ number_from_text('budgeted_cost', 'decimal(18, 2)') }} as budgeted_cost,
        {{ number_from_text('actual_cost', 'decimal(18, 2)') }} as actual_cost,
        {{ date_from_text('start_date') }} as start_date,
        {{ date_from_text('end_date') }} as end_date,
        coalesce({{ boolean_from_text('is_deleted') }}, false) as is_deleted,
        {{ utc_timestamp('created_at') }} as created_at,
        coalesce(
            {{ utc_timestamp('modified_at') }},
            {{ utc_timestamp('exported_on') }},
            {{ utc_timestamp('created_at') }}
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
    parent_campaign_source_id,
    name,
    campaign_type,
    status,
    budgeted_cost,
    actual_cost,
    start_date,
    end_date,
    is_deleted,
    created_at,
    modified_at,
    load_id
from latest
