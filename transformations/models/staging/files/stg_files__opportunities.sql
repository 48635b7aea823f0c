with

versions as (
    select * from {{ ref('stg_files__opportunity_versions') }}
),

latest as (
    {{ latest_version('versions', key='source_system, source_id') }}
)

select
    source_system,
    source_id,
    account_source_id,
    owner_user_source_id,
    campaign_source_id,
    name,
    opportunity_type,
    source_pipeline,
    source_stage,
    forecast_category,
    lead_source,
    loss_reason,
    competitor,
    next_step,
    currency_code,
    amount_local,
    probability,
    close_date,
    closed_at,
    is_deleted,
    created_at,
    modified_at,
    load_id
from latest
