-- One row per snapshot: contacts that had been given a role on the opportunity by the end of that
-- day. Only a role's latest text is kept, so that it counts from its last edit on.
with

snapshots as (
    select * from requested_snapshot
),

contact_roles as (
    select
        *,
        lower(role) as role_text
    from core.fct_opportunity_contact
)

select
    snapshots.opportunity_id,
    snapshots.as_of_date,
    count(distinct contact_roles.contact_id) as contact_role_count,
    max(
        case
            when
                contact_roles.role_text like '%champion%'
                and snapshots.as_of_end > contact_roles.modified_at
                then 1
            else 0
        end
    ) = 1 as has_champion,
    max(
        case
            when
                (
                    contact_roles.role_text like '%economic%'
                    or contact_roles.role_text like '%decision%'
                )
                and snapshots.as_of_end > contact_roles.modified_at
                then 1
            else 0
        end
    ) = 1 as has_decision_maker
from snapshots
inner join contact_roles
    on
        snapshots.opportunity_id = contact_roles.opportunity_id
        and snapshots.as_of_end > contact_roles.created_at
group by snapshots.opportunity_id, snapshots.as_of_date
order by snapshots.opportunity_id, snapshots.as_of_date
