with

versions as (
    select * from {{ ref('stg_salesforce__contact_versions') }}
),

latest as (
    {{ latest_version('versions') }}
)

select
    source_system,
    source_id,
    account_source_id,
    owner_user_source_id,
    merged_into_contact_source_id,
    name,
    email,
    title,
    department,
    lead_source,
    is_email_valid,
    is_deleted,
    created_at,
    modified_at,
    load_id
from latest
