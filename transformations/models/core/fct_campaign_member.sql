with

members as (
    select * from {{ ref('int_crm__campaign_members') }}
),

final as (
    select
        campaign_member_id,
        source_system,
        source_id,
        campaign_id,
        lead_id,
        contact_id,
        status,
        has_responded,
        first_responded_at,
        is_deleted,
        created_at,
        modified_at
    from members
)

select * from final
