with

versions as (
    select * from {{ ref('int_crm__lead_versions') }}
),

ranked as (
    select
        *,
        row_number() over (partition by lead_id order by modified_at desc) as recency
    from versions
),

final as (
    select
        lead_id,
        source_system,
        source_id,
        name,
        email,
        company,
        title,
        status,
        lead_source,
        industry,
        rating,
        country,
        region,
        employee_count,
        owner_user_id,
        is_converted,
        converted_at,
        converted_account_id,
        converted_contact_id,
        converted_opportunity_id,
        is_email_valid,
        is_deleted,
        created_at,
        modified_at
    from ranked
    where recency = 1
)

select * from final
