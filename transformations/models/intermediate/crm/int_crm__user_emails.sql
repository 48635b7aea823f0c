with

versions as (
    select * from {{ ref('int_crm__user_versions') }}
),

-- an address is of the user who had it first
ranked as (
    select
        email,
        user_id,
        modified_at,
        load_id,
        row_number() over (
            partition by email order by created_at, user_id, modified_at
        ) as claim
    from versions
    where email is not null
),

final as (
    select
        email,
        user_id,
        modified_at as recorded_at,
        load_id
    from ranked
    where claim = 1
)

select * from final
