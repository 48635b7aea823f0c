with

source as (
    select * from {{ accepted_rows('raw_salesforce', 'OpportunityCompetitor') }}
),

renamed as (
    select
        cast('salesforce' as {{ dbt.type_string() }}) as source_system,
        {{ clean_text('Id') }} as source_id,
        {{ clean_text('OpportunityId') }} as opportunity_source_id,
        {{ clean_text('CompetitorName') }} as competitor_name,
        {{ clean_text('Strengths') }} as strengths,
        {{ clean_text('Weaknesses') }} as weaknesses,
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
    competitor_name,
    strengths,
    weaknesses,
    is_deleted,
    created_at,
    modified_at,
    load_id
from latest
