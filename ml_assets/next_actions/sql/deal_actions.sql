-- One row per thing that somebody did about a deal, recorded by the end of the clock's day.
with

matches as (
    select distinct
        opportunity_id,
        activity_id
    from core.bridge_activity_opportunity
    where confidence >= 0.5
),

done as (
    select
        matches.opportunity_id as entity_id,
        activities.activity_type,
        activities.direction,
        coalesce(activities.outcome, 'held') as outcome,
        activities.occurred_at,
        activities.recorded_at
    from matches
    inner join core.fct_activity as activities on matches.activity_id = activities.activity_id
    where
        not coalesce(activities.is_automated, false)
        and activities.occurred_at < $clock_end
        and activities.recorded_at < $clock_end
)

select
    entity_id,
    'contact' as action,
    occurred_at,
    recorded_at
from done
where
    direction = 'outbound'
    or (activity_type in ('meeting', 'event') and outcome not in ('cancelled', 'no_show'))
union all
select
    entity_id,
    'call' as action,
    occurred_at,
    recorded_at
from done
where activity_type = 'call' and direction = 'outbound'
union all
select
    entity_id,
    'meeting' as action,
    occurred_at,
    recorded_at
from done
where activity_type in ('meeting', 'event') and outcome not in ('cancelled', 'no_show')
union all
select
    opportunity_id as entity_id,
    case field when 'next_step' then 'next_step' when 'close_date' then 'close_date'
        when 'amount_local' then 'amount' end as action,
    changed_at as occurred_at,
    recorded_at
from core.fct_opportunity_event
where
    field in ('next_step', 'close_date', 'amount_local')
    and trim(new_value) <> ''
    and changed_at < $clock_end
    and recorded_at < $clock_end
union all
select
    opportunity_id as entity_id,
    unnest(
        ['contact_role']
        || case when is_champion then ['champion'] else [] end
        || case when is_decision_maker then ['decision_maker'] else [] end
    ) as action,
    created_at as occurred_at,
    created_at as recorded_at
from core.fct_opportunity_contact
where created_at < $clock_end
union all
select
    opportunity_id as entity_id,
    'promise' as action,
    completed_at as occurred_at,
    completed_at as recorded_at
from core.fct_conversation_action
where opportunity_id is not null and completed_at < $clock_end
