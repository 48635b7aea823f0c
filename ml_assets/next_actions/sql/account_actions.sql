-- One row per thing that somebody did about an account, recorded by the end of the clock's day.
with

done as (
    select
        account_id as entity_id,
        activity_type,
        direction,
        coalesce(outcome, 'held') as outcome,
        occurred_at,
        recorded_at
    from core.fct_activity
    where
        account_id is not null
        and not coalesce(is_automated, false)
        and occurred_at < $clock_end
        and recorded_at < $clock_end
)

select
    entity_id,
    'contact' as action,
    occurred_at,
    recorded_at
from done
where direction = 'outbound'
union all
select
    entity_id,
    'meeting' as action,
    occurred_at,
    recorded_at
from done
where activity_type in ('meeting', 'event') and outcome not in ('cancelled', 'no_show')
