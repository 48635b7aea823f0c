-- One row per opportunity and stage that it has been in: the day on which that was first known.
select
    opportunity_id,
    new_value as stage,
    cast(min(greatest(changed_at, recorded_at)) as date) as entered_date
from core.fct_opportunity_event
where field = 'stage' and changed_at < $clock_end and recorded_at < $clock_end
group by opportunity_id, new_value
order by opportunity_id, stage
