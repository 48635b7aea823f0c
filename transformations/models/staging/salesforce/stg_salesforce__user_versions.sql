{{ config(
    materialized='incremental',
    incremental_strategy=incremental_strategy(),
    unique_key=['source_id', 'modified_at']
) }}

with

source as (
    select *
    from {{ accepted_rows('raw_salesforce', 'User', after_load_id=watermark('load_id')) }}
),

renamed as (
    select
        cast('salesforce' as {{ dbt.type_string() }}) as source_system,
        {{ clean_text('Id') }} as source_id,
        {{ clean_text('UserRoleId') }} as role_source_id,
        {{ clean_text('ManagerId') }} as manager_user_source_id,
        coalesce(
            {{ clean_text('Name') }},
            {{ clean_text("coalesce(FirstName, '') || ' ' || coalesce(LastName, '')") }}
        ) as name,
        {{ clean_email('Email') }} as email,
        cast(null as {{ dbt.type_string() }}) as role,
        cast(null as {{ dbt.type_string() }}) as role_name,
        {{ clean_text('Title') }} as title,
        {{ clean_text('Region__c') }} as region,
        {{ clean_text('Team__c') }} as team,
        {{ clean_text('TimeZoneSidKey') }} as time_zone,
        coalesce({{ boolean_from_text('IsActive') }}, false) as is_active,
        cast(false as boolean) as is_deleted,
        {{ date_from_text('Hire_Date__c') }} as hired_on,
        {{ date_from_text('Termination_Date__c') }} as left_on,
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
)

select
    source_system,
    source_id,
    role_source_id,
    manager_user_source_id,
    name,
    email,
    role,
    role_name,
    title,
    region,
    team,
    time_zone,
    is_active,
    is_deleted,
    hired_on,
    left_on,
    created_at,
    modified_at,
    load_id,
    source_row
from last_loaded
