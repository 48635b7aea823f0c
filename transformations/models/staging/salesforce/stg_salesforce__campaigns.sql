with

source as (
    select * from {{ accepted_rows('raw_salesforce', 'Campaign') }}
),

renamed as (
    select
        cast('salesforce' as {{ dbt.type_string() }}) as source_system,
        {{ clean_text('Id') }} as source_id,
        {{ clean_text('ParentId') }} as parent_campaign_source_id,
        {{ clean_text('Name') }} as name,
        {{ clean_text('Type') }} as campaign_type,
        {{ clean_text('Status') }} as status,
        {{ number_from_text('BudgetedCost', 'decimal(18, 2)') }} as budgeted_cost,
        {{ number_from_text('ActualCost', 'decimal(18, 2)') }} as actual_cost,
        {{ date_from_text('StartDate') }} as start_date,
        {{ date_from_text('EndDate') }} as end_date,
        coalesce({{ boolean_from_text('IsDeleted') }}, false) as is_deleted,
        {{ utc_timestamp('CreatedDate') }} as created_at,
        coalesce(
            {{ utc_timestamp('SystemModstamp') }},
            {{ utc_timestamp('LastModifiedDate') }},
            {{ utc_timestamp('CreatedDate') }}
        ) as modified_at,
        load_id,
        _row as source_row
    from source
),

latest as (
    {{ latest_version('renamed') }}
)

select
    source_system,
    source_id,
    parent_campaign_source_id,
    name,
    campaign_type,
    status,
    budgeted_cost,
    actual_cost,
    start_date,
    end_date,
    is_deleted,
    created_at,
    modified_at,
    load_id
from latest
