with

source as (
    select * from {{ accepted_rows('raw_salesforce', 'CampaignMember') }}
),

renamed as (
    select
        cast('salesforce' as {{ dbt.type_string() }}) as source_system,
        {{ clean_text('Id') }} as source_id,
        {{ clean_text('CampaignId') }} as campaign_source_id,
        {{ clean_text('LeadId') }} as lead_source_id,
        {{ clean_text('ContactId') }} as contact_source_id,
        {{ clean_text('Status') }} as status,
        coalesce({{ boolean_from_text('HasResponded') }}, false) as has_responded,
        {{ utc_timestamp('FirstRespondedDate') }} as first_responded_at,
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
    campaign_source_id,
    lead_source_id,
    contact_source_id,
    status,
    has_responded,
    first_responded_at,
    is_deleted,
    created_at,
    modified_at,
    load_id
from latest
