with

versions as (
    select * from {{ ref('stg_salesforce__event_versions') }}
),

latest as (
    {{ latest_version('versions') }}
)

select
    source_system,
    source_id,
    contact_source_id,
    lead_source_id,
    opportunity_source_id,
    account_source_id,
    owner_user_source_id,
    subject,
    event_subtype,
    duration_minutes,
    started_at,
    ended_at,
    is_deleted,
    created_at,
    modified_at,
    load_id
from latest
