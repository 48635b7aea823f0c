with

source as (
    select * from {{ accepted_rows('mapped_files', 'opportunity_splits') }}
),

renamed as (
    select
        {{ clean_text('source_system') }} as source_system,
        {{ clean_text('source_id') }} as source_id,
        {{ clean_text('opportunity_id') }} as opportunity_source_id,
        {{ clean_text('user_id') }} as user_source_id,
        cast(null as {{ dbt.type_string() }}) as split_type_source_id,
        {{ clean_text('split_type') }} as split_type,
        cast({{ number_from_text('split_percentage', 'decimal(9, 4)') }} / 100 as decimal(9, 4))
            as credit_share,
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
    opportunity_source_id,
    user_source_id,
    split_type_source_id,
    split_type,
    credit_share,
    is_deleted,
    created_at,
    modified_at,
    load_id
from latest
