with

versions as (
    select * from {{ ref('stg_files__account_versions') }}
),

latest as (
    {{ latest_version('versions', key='source_system, source_id') }}
)

select
    source_system,
    source_id,
    parent_account_source_id,
    merged_into_account_source_id,
    owner_user_source_id,
    name,
    account_type,
    industry,
    segment,
    country,
    region,
    website,
    employee_count,
    annual_revenue,
    is_deleted,
    created_at,
    modified_at,
    load_id
from latest
