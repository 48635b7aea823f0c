-- One row per snapshot: contacts that were on the opportunity at the end of that day. Only a role's
-- latest text is kept, so that what it says counts from its last edit on.
with

snapshots as (
    select * from requested_snapshot
),

contacts as (
    select * from core.fct_opportunity_contact
)

select
    snapshots.opportunity_id,
    snapshots.as_of_date,
    count(*) as contact_role_count,
    coalesce(bool_or(contacts.is_champion and snapshots.as_of_end > contacts.modified_at), false)
        as has_champion,
    coalesce(
        bool_or(contacts.is_decision_maker and snapshots.as_of_end > contacts.modified_at), false
    ) as has_decision_maker
from snapshots
inner join contacts
    on
        snapshots.opportunity_id = contacts.opportunity_id
        and snapshots.as_of_end > contacts.created_at
        and (contacts.removed_at is null or snapshots.as_of_end <= contacts.removed_at)
group by snapshots.opportunity_id, snapshots.as_of_date
order by snapshots.opportunity_id, snapshots.as_of_date
