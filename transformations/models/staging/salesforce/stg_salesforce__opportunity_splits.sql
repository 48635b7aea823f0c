with

source as (
    select * from {{ accepted_rows('raw_salesforce', 'OpportunitySplit') }}
),

renamed as (
    select
        cast('salesforce' as {{ dbt.type_string() }}) as source_system,
        {{ clean_text('Id') }} as source_id,
        {{ clean_text('OpportunityId') }} as opportunity_source_id,
        {{ clean_text('SplitOwnerId') }} as user_source_id,
        {{ clean_text('SplitTypeId') }} as split_type_source_id,
        cast(null as {{ dbt.type_string() }}) as split_type,
        cast({{ number_from_text('SplitPercentage', 'decimal(9, 4)') }} / 100 as decimal(9, 4))
            as credit_share,
        {{ number_from_text('SplitAmount', 'decimal(18, 2)') }} as amount_local,
        coalesce({{ boolean_from_text('IsDeleted') }}, false) as is_deleted,
        {{ utc_timestamp('CreatedDate') }} as created_at,
        coalesce({{ utc_timestamp('SystemModstamp') }}, {{ utc_timestamp('CreatedDate') }})
            as modified_at,
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
    opportunity_source_id,
    user_source_id,
    split_type_source_id,
    split_type,
    credit_share,
    amount_local,
    is_deleted,
    created_at,
    modified_at,
    load_id
from latest
