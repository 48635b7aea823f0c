with

members as (
    select * from {{ ref('stg_salesforce__campaign_members') }}
),

campaigns as (
    select * from {{ ref('stg_salesforce__campaigns') }}
),

final as (
    select
        members.source_system,
        members.source_id,
        'campaign_response' as touch_type,
        cast(null as {{ dbt.type_string() }}) as channel,
        {{ global_id('members.source_system', 'members.campaign_source_id') }} as campaign_id,
        campaigns.name as campaign_name,
        campaigns.campaign_type,
        cast(null as {{ dbt.type_string() }}) as person_email,
        {{ global_id('members.source_system', 'members.contact_source_id') }} as contact_id,
        {{ global_id('members.source_system', 'members.lead_source_id') }} as lead_id,
        cast(null as {{ dbt.type_string() }}) as utm_source,
        cast(null as {{ dbt.type_string() }}) as utm_medium,
        cast(null as {{ dbt.type_string() }}) as referrer,
        coalesce(members.first_responded_at, members.modified_at) as occurred_at,
        greatest(
            members.modified_at, coalesce(members.first_responded_at, members.modified_at)
        ) as recorded_at,
        -- the name and kind of the campaign are part of the touch
        greatest(
            members.modified_at,
            coalesce(members.first_responded_at, members.modified_at),
            coalesce(campaigns.modified_at, members.modified_at)
        ) as known_at,
        members.has_responded and not members.is_deleted as has_happened,
        greatest(members.load_id, coalesce(campaigns.load_id, members.load_id)) as load_id
    from members
    left join campaigns
        on members.campaign_source_id = campaigns.source_id
)

select * from final
