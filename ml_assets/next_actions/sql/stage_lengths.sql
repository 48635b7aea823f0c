-- One row per open stage: the 75th percentile of the days of its visits that ended in the year up to
-- the clock's day, and how many they were; fewer than 20 tell nothing.
with

stages as (
    select
        stage,
        bool_or(is_open) as is_open
    from core.dim_stage
    where stage is not null
    group by stage
),

visits as (
    select
        events.new_value as stage,
        events.changed_at as entered_at,
        lead(events.changed_at) over (
            partition by events.opportunity_id
            order by events.changed_at, events.recorded_at, events.change_id
        ) as exited_at
    from core.fct_opportunity_event as events
    where
        events.field = 'stage'
        and events.changed_at < $clock_end
        and events.recorded_at < $clock_end
)

select
    visits.stage,
    quantile_cont(date_diff('second', visits.entered_at, visits.exited_at) / 86400.0, 0.75)
        as usual_days,
    count(*) as visit_count
from visits
inner join stages on visits.stage = stages.stage and stages.is_open
where visits.exited_at >= $clock_end - interval 365 day
group by visits.stage
having count(*) >= 20
order by visits.stage
