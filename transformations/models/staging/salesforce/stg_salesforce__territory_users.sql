with

source as (
    select * from {{ accepted_rows('raw_salesforce', 'UserTerritory2Association') }}
),

renamed as (
    select
        cast('salesforce' as {{ dbt.type_string() }}) as source_system,
        {{ clean_text('Id') }} as source_id,
        {{ clean_text('UserId') }} as user_source_id,
        {{ clean_text('Territory2Id') }} as territory_source_id,
        {{ clean_text('RoleInTerritory2') }} as role,
        coalesce({{ boolean_from_text('IsDeleted') }}, false)
        or not coalesce({{ boolean_from_text('IsActive') }}, true) as has_ended,
        cast(null as {{ dbt.type_timestamp() }}) as created_at,
        coalesce(
            {{ utc_timestamp('SystemModstamp') }}, {{ utc_timestamp('LastModifiedDate') }}
        ) as modified_at,
        load_id,
        _row as source_row
    from source
),

dated as (
    select
        *,
        min(modified_at) over (partition by source_id) as first_modified_at
    from renamed
),

latest as (
    {{ latest_version('dated') }}
)

select
    source_system,
    source_id,
    user_source_id,
    territory_source_id,
    role,
    first_modified_at as valid_from,
    case when has_ended then modified_at end as valid_to,
    modified_at,
    load_id
from latest
