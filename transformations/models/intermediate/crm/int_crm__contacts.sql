with

versions as (
    select * from {{ ref('int_crm__contact_versions') }}
),

ranked as (
    select
        *,
        row_number() over (partition by contact_id order by modified_at desc) as recency
    from versions
),

final as (
    select
        contact_id,
        source_system,
        source_id,
        account_id,
        name,
        email,
        title,
        department,
        lead_source,
        owner_user_id,
        merged_into_contact_id,
        is_email_valid,
        is_deleted,
        created_at,
        modified_at
    from ranked
    where recency = 1
)

select * from final
