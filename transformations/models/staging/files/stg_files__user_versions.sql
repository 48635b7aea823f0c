with

source as (
    select * from {{ accepted_rows('mapped_files', 'users') }}
),

renamed as (
    select
        {{ clean_text('source_system') }} as source_system,
        {{ clean_text('source_id') }} as source_id,
        cast(null as {{ dbt.type_string() }}) as role_source_id,
        {{ clean_text('manager_user_id') }} as manager_user_source_id,
        {{ clean_text('name') }} as name,
        {{ clean_email('email') }} as email,
        {{ clean_text('role') }} as role,
        {{ clean_text('role_name') }} as role_name,
        {{ clean_text('title') }} as title,
        {{ clean_text('region') }} as region,
        {{ clean_text('team') }} as team,
        {{ clean_text('time_zone') }} as time_zone,
        coalesce({{ boolean_from_text('is_active') }}, true) as is_active,
        {{ date_from_text('hired_on') }} as hired_on,
        {{ date_from_text('left_on') }} as left_on,
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

last_loaded as (
    {{ last_loaded('renamed', key='source_system, source_id, modified_at') }}
)

select
    source_system,
    source_id,
    role_source_id,
    manager_user_source_id,
    name,
    email,
    role,
    role_name,
    title,
    region,
    team,
    time_zone,
    is_active,
    hired_on,
    left_on,
    is_deleted,
    created_at,
    modified_at,
    load_id,
    source_row
from last_loaded
