with

versions as (
    select * from {{ ref('stg_salesforce__lead_versions') }}
),

latest as (
    {{ latest_version('versions') }}
)

select
    source_system,
    source_id,
    owner_user_source_id,
    converted_account_source_id,
    converted_contact_source_id,
    converted_opportunity_source_id,
    name,
    email,
    company,
    title,
    status,
    lead_source,
    industry,
    rating,
    country,
    region,
    employee_count,
    is_converted,
    is_email_valid,
    converted_at,
    is_deleted,
    created_at,
    modified_at,
    load_id
from latest
