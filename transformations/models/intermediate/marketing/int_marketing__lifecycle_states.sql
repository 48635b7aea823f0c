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
    select
        email,
        contact_id,
        lead_id,
        valid_from,
        -- comparisons alone: an `or` in a join makes engines compare every row with every row
        coalesce(valid_to, cast('9999-12-31 00:00:00' as timestamp)) as valid_to
    from {{ ref('int_crm__person_emails') }}
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

linked as (
    select
        visible.*,
        lead_links.lead_id as linked_lead_id,
        contact_links.contact_id as linked_contact_id,
        case
            when lead_links.lead_id is null and contact_links.contact_id is null
                then visible.email
        end as unmatched_email
    from visible
    left join lead_links
        on visible.crm_lead_source_id = lead_links.source_id
    left join contact_links
        on visible.crm_contact_source_id = contact_links.source_id
),

-- whom the CRM's own id does not name, the address does
resolved as (
    select
        linked.*,
        coalesce(linked.linked_lead_id, person_emails.lead_id) as lead_id,
        coalesce(linked.linked_contact_id, person_emails.contact_id) as contact_id
    from linked
    left join person_emails
        on
            linked.unmatched_email = person_emails.email
            and linked.modified_at >= person_emails.valid_from
            and linked.modified_at < person_emails.valid_to
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
