with

source as (
    select * from {{ accepted_rows('raw_salesforce', 'OpportunitySplitType') }}
),

renamed as (
    select
        cast('salesforce' as {{ dbt.type_string() }}) as source_system,
        {{ clean_text('Id') }} as source_id,
        coalesce({{ clean_text('MasterLabel') }}, {{ clean_text('DeveloperName') }}) as name,
        {{ boolean_from_text('IsTotalValidated') }} as is_total_validated,
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
    name,
    is_total_validated,
    created_at,
    modified_at,
    load_id
from latest
