with

source as (
    select * from {{ accepted_rows('mapped_files', 'opportunities') }}
),

renamed as (
    select
        {{ clean_text('source_system') }} as source_system,
        {{ clean_text('source_id') }} as source_id,
        {{ clean_text('account_id') }} as account_source_id,
        {{ clean_text('owner_user_id') }} as owner_user_source_id,
        {{ clean_text('campaign_id') }} as campaign_source_id,
        {{ clean_text('name') }} as name,
        {{ clean_text('opportunity_type') }} as opportunity_type,
        coalesce({{ clean_text('source_pipeline') }}, 'default') as source_pipeline,
        {{ clean_text('source_stage') }} as source_stage,
        {{ clean_text('forecast_category') }} as forecast_category,
        {{ clean_text('lead_source') }} as lead_source,
        {{ clean_text('loss_reason') }} as loss_reason,
        {{ clean_text('competitor') }} as competitor,
        {{ clean_text('next_step') }} as next_step,
        upper({{ clean_text('currency_code') }}) as currency_code,
        {{ number_from_text('amount', 'decimal(18, 2)') }} as amount_local,
        {{ number_from_text('probability', 'decimal(9, 4)') }} as probability,
        {{ date_from_text('close_date') }} as close_date,
        {{ utc_timestamp('closed_at') }} as closed_at,
        coalesce({{ boolean_from_text('is_deleted') }}, false) as is_deleted,
        coalesce({{ utc_timestamp('created_at') }}, {{ utc_timestamp('exported_on') }})
            as created_at,
        coalesce(
            {{ utc_timestamp('modified_at') }},
            {{ utc_timestamp('exported_on') }},
            {{ utc_timestamp('closed_at') }},
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
    load_id,
    source_row
from last_loaded
