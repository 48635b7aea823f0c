with

staged as (
    {{ union_systems('lifecycle_states', columns=[
        'source_system', 'source_id', 'crm_lead_source_id', 'crm_contact_source_id', 'email',
        'lifecycle_stage', 'is_archived', 'created_at', 'modified_at', 'load_id'
    ]) }}
),

visible as (
    {{ visible_versions('staged', key='source_system, source_id') }}
),

crm_leads as (
    select
        lead_id,
        source_id,
        source_system
    from {{ ref('int_crm__leads') }}
),

crm_contacts as (
    select
        contact_id,
        source_id,
        source_system
    from {{ ref('int_crm__contacts') }}
),

person_emails as (
    select * from {{ ref('int_crm__person_emails') }}
),

lead_links as (
    select
        source_id,
        min(lead_id) as lead_id
    from crm_leads
    group by source_id
    having count(*) = 1
),

contact_links as (
    select
        source_id,
        min(contact_id) as contact_id
    from crm_contacts
    group by source_id
    having count(*) = 1
),

-- whom the CRM's own id does not name, the address does
resolved as (
    select
        visible.*,
        coalesce(
            lead_links.lead_id,
            case when contact_links.contact_id is null then person_emails.lead_id end
        ) as lead_id,
        coalesce(
            contact_links.contact_id,
            case when lead_links.lead_id is null then person_emails.contact_id end
        ) as contact_id
    from visible
    left join lead_links
        on visible.crm_lead_source_id = lead_links.source_id
    left join contact_links
        on visible.crm_contact_source_id = contact_links.source_id
    left join person_emails
        on
            visible.email = person_emails.email
            and visible.modified_at >= person_emails.valid_from
            and (visible.modified_at < person_emails.valid_to or person_emails.valid_to is null)
),

final as (
    select
        {{ global_id('source_system', 'source_id') }} as profile_id,
        source_system,
        source_id,
        lead_id,
        contact_id,
        lifecycle_stage,
        created_at,
        modified_at,
        load_id
    from resolved
    where not is_archived
)

select * from final
