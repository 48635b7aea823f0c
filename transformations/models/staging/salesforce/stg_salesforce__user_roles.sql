with

source as (
    select * from {{ accepted_rows('raw_salesforce', 'UserRole') }}
),

renamed as (
    select
        cast('salesforce' as {{ dbt.type_string() }}) as source_system,
        {{ clean_text('Id') }} as source_id,
        {{ clean_text('ParentRoleId') }} as parent_role_source_id,
        {{ clean_text('Name') }} as name,
        cast(null as {{ dbt.type_timestamp() }}) as created_at,
        coalesce(
            {{ utc_timestamp('SystemModstamp') }}, {{ utc_timestamp('LastModifiedDate') }}
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
    parent_role_source_id,
    name,
    created_at,
    modified_at,
    load_id
from latest
