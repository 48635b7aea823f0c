with

-- A qualification note is a task whose subject names the framework and the score ("BANT 3/4").
source as (
    select * from {{ accepted_rows('raw_salesforce', 'Task') }}
    where upper(trim(subject)) like 'BANT %'
),

renamed as (
    select
        cast('salesforce' as {{ dbt.type_string() }}) as source_system,
        {{ clean_text('Id') }} as source_id,
        {{ salesforce_reference('WhatId', 'Opportunity') }} as opportunity_source_id,
        cast('BANT' as {{ dbt.type_string() }}) as framework,
        {{ clean_text('Description') }} as note,
        {{ clean_text('OwnerId') }} as user_source_id,
        coalesce({{ boolean_from_text('IsClosed') }}, false) as is_closed,
        {{ utc_timestamp('CompletedDateTime') }} as completed_at,
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
    framework,
    note,
    user_source_id,
    is_closed,
    completed_at,
    is_deleted,
    created_at,
    modified_at,
    load_id
from visible
