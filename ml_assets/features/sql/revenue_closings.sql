-- One row per closing of an opportunity that was known at the end of the clock's day: when it was
-- made and known, whether it was won, and when it was known to be undone (re-opened or closed
-- otherwise) or the deal to be deleted.
with

events as (
    select
        opportunity_id,
        field,
        new_value,
        changed_at,
        greatest(changed_at, recorded_at) as known_at,
        recorded_at,
        change_id
    from core.fct_opportunity_event
    where changed_at < $clock_end and recorded_at < $clock_end
),

stages as (
    select
        opportunity_id,
        new_value as stage,
        changed_at,
        known_at,
        lead(known_at) over (
            partition by opportunity_id
            order by changed_at, recorded_at, change_id
        ) as undone_at
    from events
    where field = 'stage'
),

deletions as (
    select
        opportunity_id,
        max(known_at) as deleted_at
    from events
    where field = 'is_deleted' and lower(new_value) = 'true'
    group by opportunity_id
)

select
    stages.opportunity_id,
    stages.stage = 'Closed Won' as is_won,
    cast(stages.changed_at as date) as closed_date,
    cast(stages.known_at as date) as known_date,
    cast(least(stages.undone_at, deletions.deleted_at) as date) as undone_date
from stages
left join deletions on stages.opportunity_id = deletions.opportunity_id
where stages.stage in ('Closed Won', 'Closed Lost')
order by stages.opportunity_id, stages.changed_at, stages.known_at
