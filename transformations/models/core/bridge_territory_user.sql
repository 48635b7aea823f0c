with

assignments as (
    select * from {{ ref('int_crm__territory_users') }}
),

final as (
    select
        {{ dbt.hash('assignment_id') }} as territory_user_key,
        user_id,
        territory_id,
        source_system,
        source_id,
        role,
        valid_from,
        valid_to,
        valid_to is null as is_current
    from assignments
)

select * from final
