{{ config(
    materialized='incremental',
    incremental_strategy=incremental_strategy(),
    unique_key='source_id'
) }}

with

source as (
    select *
    from {{ accepted_rows(
        'raw_salesforce', 'OpportunityFieldHistory', after_load_id=watermark('load_id')
    ) }}
),

renamed as (
    select
        cast('salesforce' as {{ dbt.type_string() }}) as source_system,
        {{ clean_text('Id') }} as source_id,
        {{ clean_text('OpportunityId') }} as opportunity_source_id,
        {{ clean_text('CreatedById') }} as changed_by_user_source_id,
        case {{ clean_text('Field') }}
            when 'StageName' then 'stage'
            when 'Amount' then 'amount_local'
            when 'CloseDate' then 'close_date'
            when 'OwnerId' then 'owner_user_id'
            when 'ForecastCategoryName' then 'forecast_category'
            when 'ForecastCategory' then 'forecast_category'
            when 'NextStep' then 'next_step'
            when 'Probability' then 'probability'
            else {{ clean_text('Field') }}
        end as field,
        {{ clean_text('OldValue') }} as old_value,
        {{ clean_text('NewValue') }} as new_value,
        coalesce({{ boolean_from_text('IsDeleted') }}, false) as is_deleted,
        {{ utc_timestamp('CreatedDate') }} as changed_at,
        {{ utc_timestamp('CreatedDate') }} as recorded_at,
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
    field,
    old_value,
    new_value,
    is_deleted,
    changed_at,
    recorded_at,
    load_id
from last_loaded
