with

versions as (
    select * from {{ ref('stg_files__user_versions') }}
),

latest as (
    {{ latest_version('versions', key='source_system, source_id') }}
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
    load_id
from latest
