with

versions as (
    select * from {{ ref('stg_salesforce__task_versions') }}
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
    task_subtype,
    status,
    call_type,
    call_disposition,
    duration_seconds,
    is_closed,
    due_date,
    completed_at,
    is_deleted,
    created_at,
    modified_at,
    load_id
from latest
