with

source as (
    select * from {{ accepted_rows('mapped_files', 'territories') }}
),

renamed as (
    select
        {{ clean_text('source_system') }} as source_system,
        {{ clean_text('source_id') }} as source_id,
        {{ clean_text('parent_territory_id') }} as parent_territory_source_id,
        {{ clean_text('name') }} as name,
        {{ clean_text('region') }} as region,
        cast(null as {{ dbt.type_timestamp() }}) as created_at,
        coalesce(
            {{ utc_timestamp('modified_at') }},
            {{ utc_timestamp('exported_on') }}
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
    parent_territory_source_id,
    name,
    region,
    created_at,
    modified_at,
    load_id
from latest
