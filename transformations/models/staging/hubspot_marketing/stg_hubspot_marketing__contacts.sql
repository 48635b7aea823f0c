with

versions as (
    select * from {{ ref('stg_hubspot_marketing__contact_versions') }}
),

latest as (
    {{ latest_version('versions') }}
)

select
    source_system,
    source_id,
    crm_contact_source_id,
    crm_lead_source_id,
    first_name,
    last_name,
    email,
    company,
    title,
    lifecycle_stage,
    lead_status,
    original_source,
    country,
    is_email_valid,
    is_archived,
    created_at,
    modified_at,
    load_id
from latest
