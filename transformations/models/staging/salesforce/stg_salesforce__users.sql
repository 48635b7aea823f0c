with

versions as (
    select * from {{ ref('stg_salesforce__user_versions') }}
),

latest as (
    {{ latest_version('versions') }}
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
    is_deleted,
    hired_on,
    left_on,
    created_at,
    modified_at,
    load_id
from latest
