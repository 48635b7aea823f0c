with

source as (
    select * from {{ accepted_rows('raw_salesforce', 'OpportunityContactRole') }}
),

renamed as (
    select
        cast('salesforce' as {{ dbt.type_string() }}) as source_system,
        {{ clean_text('Id') }} as source_id,
        {{ clean_text('OpportunityId') }} as opportunity_source_id,
        {{ clean_text('ContactId') }} as contact_source_id,
        {{ clean_text('Role') }} as role,
        coalesce({{ boolean_from_text('IsPrimary') }}, false) as is_primary,
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
    opportunity_source_id,
    contact_source_id,
    role,
    is_primary,
    is_deleted,
    created_at,
    modified_at,
    load_id
from latest
