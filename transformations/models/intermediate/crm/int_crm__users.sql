with

versions as (
    select * from {{ ref('int_crm__user_versions') }}
),

ranked as (
    select
        *,
        row_number() over (partition by user_id order by modified_at desc) as recency
    from versions
),

final as (
    select
        user_id,
        source_system,
        source_id,
        name,
        email,
        role,
        role_name,
        title,
        manager_user_id,
        region,
        team,
        is_active,
        hired_on,
        left_on,
        time_zone,
        is_deleted,
        created_at,
        modified_at
    from ranked
    where recency = 1
)

select * from final
