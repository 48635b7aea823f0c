{{ config(
    materialized='incremental',
    incremental_strategy=incremental_strategy(),
    unique_key='source_id'
) }}

with

source as (
    select *
    from {{ accepted_rows(
        'raw_salesforce', 'OpportunityHistory', after_load_id=watermark('load_id')
    ) }}
),

renamed as (
    select
        cast('salesforce' as {{ dbt.type_string() }}) as source_system,
        {{ clean_text('Id') }} as source_id,
        {{ clean_text('OpportunityId') }} as opportunity_source_id,
        {{ clean_text('CreatedById') }} as changed_by_user_source_id,
        cast('default' as {{ dbt.type_string() }}) as source_pipeline,
        {{ clean_text('StageName') }} as source_stage,
        {{ clean_text('ForecastCategory') }} as forecast_category,
        {{ number_from_text('Amount', 'decimal(18, 2)') }} as amount_local,
        cast({{ number_from_text('Probability', 'decimal(9, 4)') }} / 100 as decimal(9, 4))
            as probability,
        {{ date_from_text('CloseDate') }} as close_date,
        coalesce({{ boolean_from_text('IsDeleted') }}, false) as is_deleted,
        {{ utc_timestamp('CreatedDate') }} as changed_at,
        coalesce({{ utc_timestamp('SystemModstamp') }}, {{ utc_timestamp('CreatedDate') }})
            as recorded_at,
        load_id,
        _row as source_row
    from source
),

last_loaded as (
    {{ last_loaded('renamed', key='source_id') }}
)

select
    source_system,
    source_id,
    opportunity_source_id,
    changed_by_user_source_id,
    source_pipeline,
    source_stage,
    forecast_category,
    amount_local,
    probability,
    close_date,
    is_deleted,
    changed_at,
    recorded_at,
    load_id
from last_loaded
