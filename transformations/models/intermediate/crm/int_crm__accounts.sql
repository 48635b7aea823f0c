with

versions as (
    select * from {{ ref('int_crm__account_versions') }}
),

ranked as (
    select
        *,
        row_number() over (partition by account_id order by modified_at desc) as recency
    from versions
),

final as (
    select
        account_id,
        source_system,
        source_id,
        name,
        parent_account_id,
        merged_into_account_id,
        industry,
        segment,
        employee_count,
        annual_revenue,
        country,
        region,
        owner_user_id,
        account_type,
        website,
        is_deleted,
        created_at,
        modified_at
    from ranked
    where recency = 1
)

select * from final
