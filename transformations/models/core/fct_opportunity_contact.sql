with

contacts as (
    select * from {{ ref('int_crm__opportunity_contacts') }}
    where contact_id is not null
),

meanings as (
    select * from {{ ref('contact_roles') }}
),

roles as (
    select
        contacts.*,
        coalesce(meanings.is_decision_maker, false) as is_decision_maker,
        coalesce(meanings.is_champion, false) as is_champion,
        row_number() over (
            partition by contacts.opportunity_id, contacts.contact_id
            order by
                case when contacts.is_deleted then 1 else 0 end,
                case when contacts.is_primary then 0 else 1 end,
                contacts.modified_at desc,
                contacts.opportunity_contact_id desc
        ) as preference
    from contacts
    left join meanings
        on lower({{ regexp_replace_all('contacts.role', '[^A-Za-z]', '') }}) = meanings.role
),

-- of several roles of one person: any that stands, else all of them
lives as (
    select
        opportunity_id,
        contact_id,
        min(coalesce(created_at, modified_at)) as created_at,
        max(modified_at) as modified_at,
        max(case when is_deleted then 0 else 1 end) as is_present,
        max(case when is_decision_maker and not is_deleted then 1 else 0 end) as decides,
        max(case when is_champion and not is_deleted then 1 else 0 end) as champions
    from roles
    group by opportunity_id, contact_id
),

final as (
    select
        roles.opportunity_id,
        roles.contact_id,
        roles.source_system,
        roles.source_id,
        roles.role,
        roles.is_primary and not roles.is_deleted as is_primary,
        case
            when lives.is_present = 1 then lives.decides = 1
            else roles.is_decision_maker
        end as is_decision_maker,
        case
            when lives.is_present = 1 then lives.champions = 1
            else roles.is_champion
        end as is_champion,
        lives.created_at,
        lives.modified_at,
        case when lives.is_present = 0 then lives.modified_at end as removed_at,
        lives.is_present = 0 as is_deleted
    from roles
    inner join lives
        on
            roles.opportunity_id = lives.opportunity_id
            and roles.contact_id = lives.contact_id
    where roles.preference = 1
)

select * from final
