with

source as (
    select * from {{ accepted_rows('raw_salesforce', 'Stage_Evidence__c') }}
),

renamed as (
    select
        cast('salesforce' as {{ dbt.type_string() }}) as source_system,
        {{ clean_text('Id') }} as source_id,
        {{ clean_text('Opportunity__c') }} as opportunity_source_id,
        {{ clean_text('Stage__c') }} as source_stage,
        {{ clean_text('Criterion__c') }} as criterion,
        coalesce({{ boolean_from_text('Is_Met__c') }}, false) as is_met,
        {{ clean_text('Evidence__c') }} as evidence,
        {{ clean_text('LastModifiedById') }} as modified_by_user_source_id,
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

last_loaded as (
    {{ last_loaded('renamed', key='source_id, modified_at') }}
),

visible as (
    {{ visible_versions('last_loaded') }}
)

select
    source_system,
    source_id,
    opportunity_source_id,
    source_stage,
    criterion,
    is_met,
    evidence,
    modified_by_user_source_id,
    is_deleted,
    created_at,
    modified_at,
    load_id
from visible
