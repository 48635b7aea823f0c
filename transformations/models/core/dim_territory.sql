with

territories as (
    select * from {{ ref('int_crm__territories') }}
),

final as (
    select
        {{ dbt.hash("territory_id") }} as territory_key,
        territory_id,
        source_system,
        source_id,
        name,
        parent_territory_id,
        region,
        cast('1900-01-01 00:00:00' as timestamp) as valid_from,
        cast(null as timestamp) as valid_to,
        true as is_current
    from territories
)

select * from final
