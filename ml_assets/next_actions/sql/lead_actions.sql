-- One row per thing that somebody did about a lead, recorded by the end of the clock's day.
select
    person_lead_id as entity_id,
    unnest(
        case when activity_type = 'call' then ['contact', 'call'] else ['contact'] end
    ) as action,
    occurred_at,
    recorded_at
from core.fct_activity
where
    person_lead_id is not null
    and not coalesce(is_automated, false)
    and coalesce(direction, 'outbound') = 'outbound'
    and occurred_at < $clock_end
    and recorded_at < $clock_end
