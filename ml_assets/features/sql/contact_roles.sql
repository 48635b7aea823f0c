-- One row per snapshot: contacts that had been given a role on the opportunity by the end of that
-- day. What the role says is left out, because only its latest text is kept.
with

snapshots as (
    select * from requested_snapshot
),

contact_roles as (
    select * from core.fct_opportunity_contact
)

select
    snapshots.opportunity_id,
    snapshots.as_of_date,
    count(distinct contact_roles.contact_id) as contact_role_count
from snapshots
inner join contact_roles
    on
        snapshots.opportunity_id = contact_roles.opportunity_id
        and snapshots.as_of_end > contact_roles.created_at
group by snapshots.opportunity_id, snapshots.as_of_date
order by snapshots.opportunity_id, snapshots.as_of_date
