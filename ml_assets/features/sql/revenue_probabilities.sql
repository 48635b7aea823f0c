-- One row per snapshot whose opportunity had a probability in the source at the day's end.
with

snapshots as (
    select * from requested_snapshot
),

visible as (
    select
        snapshots.opportunity_id,
        snapshots.as_of_date,
        try_cast(events.new_value as double) as crm_probability,
        row_number() over (
            partition by snapshots.opportunity_id, snapshots.as_of_date
            order by events.changed_at desc, events.recorded_at desc, events.change_id desc
        ) as recency
    from snapshots
    inner join core.fct_opportunity_event as events
        on
            snapshots.opportunity_id = events.opportunity_id
            and snapshots.as_of_end > events.changed_at
            and snapshots.as_of_end > events.recorded_at
    where events.field = 'probability'
)

select
    opportunity_id,
    as_of_date,
    crm_probability
from visible
where recency = 1
order by opportunity_id, as_of_date
