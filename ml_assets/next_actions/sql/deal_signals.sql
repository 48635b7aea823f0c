-- One row per requested deal and evening on which it was open: what a playbook asks about it, from
-- what had happened and had been recorded by the end of that evening.
with

requested as (
    select
        entity_id,
        as_of_date,
        cast(as_of_date + 1 as timestamp) as as_of_end
    from requested_entity
),

stages as (
    select
        stage,
        min(stage_order) as stage_order,
        bool_or(is_open) as is_open
    from core.dim_stage
    where stage is not null
    group by stage
),

events as (
    select
        requested.entity_id,
        requested.as_of_date,
        events.field,
        nullif(trim(events.new_value), '') as new_value,
        events.changed_at,
        (events.changed_at, events.recorded_at, events.change_id) as position
    from requested
    inner join core.fct_opportunity_event as events
        on
            requested.entity_id = events.opportunity_id
            and requested.as_of_end > events.changed_at
            and requested.as_of_end > events.recorded_at
),

states as (
    select
        entity_id,
        as_of_date,
        min(changed_at) filter (where field = 'stage') as created_at,
        arg_max_null(new_value, position) filter (where field = 'stage') as stage,
        max(changed_at) filter (where field = 'stage') as stage_entered_at,
        arg_max_null(new_value, position) filter (where field = 'owner_user_id') as owner_user_id,
        try_cast(
            arg_max_null(new_value, position) filter (where field = 'amount_local') as double
        ) as amount_local,
        try_cast(
            arg_max_null(new_value, position) filter (where field = 'close_date') as date
        ) as close_date,
        arg_max_null(new_value, position) filter (where field = 'next_step') as next_step,
        coalesce(
            arg_max_null(new_value, position) filter (where field = 'is_deleted') = 'true', false
        ) as is_deleted
    from events
    group by entity_id, as_of_date
),

close_dates as (
    select
        entity_id,
        as_of_date,
        try_cast(new_value as date) as close_date,
        lag(try_cast(new_value as date)) over (
            partition by entity_id, as_of_date
            order by position
        ) as previous_close_date
    from events
    where field = 'close_date'
),

pushes as (
    select
        entity_id,
        as_of_date,
        count(*) as push_count
    from close_dates
    where close_date > previous_close_date
    group by entity_id, as_of_date
),

-- a field that a source never fills is no sign of neglect
told as (
    select
        min(recorded_at) filter (
            where field = 'next_step' and trim(new_value) <> ''
        ) as next_steps_since
    from core.fct_opportunity_event
),

matches as (
    select distinct
        opportunity_id,
        activity_id
    from core.bridge_activity_opportunity
    where confidence >= 0.5
),

activities as materialized (
    select
        matches.opportunity_id,
        activities.activity_type,
        activities.direction,
        activities.outcome,
        activities.occurred_at,
        activities.recorded_at,
        coalesce(activities.person_contact_id, activities.person_lead_id) as person_id,
        activities.activity_type in ('meeting', 'event')
        and coalesce(activities.outcome, 'held') not in ('cancelled', 'no_show') as is_held,
        activities.activity_type in ('meeting', 'event')
        and activities.outcome in ('cancelled', 'no_show') as is_missed
    from matches
    inner join core.fct_activity as activities on matches.activity_id = activities.activity_id
    where not coalesce(activities.is_automated, false)
),

contacts_made as (
    select
        requested.entity_id,
        requested.as_of_date,
        max(activities.occurred_at) as last_activity_at,
        max(activities.occurred_at) filter (where activities.direction = 'inbound')
            as last_inbound_at,
        max(activities.occurred_at) filter (
            where activities.direction = 'outbound' or activities.is_held
        ) as last_answer_at,
        max(activities.occurred_at) filter (where activities.is_held) as last_meeting_at,
        max(activities.occurred_at) filter (where activities.is_missed) as last_missed_at,
        count(distinct activities.person_id) filter (
            where activities.direction = 'inbound' or activities.is_held
        ) as engaged_contact_count
    from requested
    inner join activities
        on
            requested.entity_id = activities.opportunity_id
            and requested.as_of_end > activities.occurred_at
            and requested.as_of_end > activities.recorded_at
    group by requested.entity_id, requested.as_of_date
),

-- only a role's latest text is kept, so what it says counts from its last edit on
roles as (
    select
        requested.entity_id,
        requested.as_of_date,
        count(*) as contact_role_count,
        bool_or(contacts.is_champion and requested.as_of_end > contacts.modified_at)
            as has_champion,
        bool_or(contacts.is_decision_maker and requested.as_of_end > contacts.modified_at)
            as has_decision_maker
    from requested
    inner join core.fct_opportunity_contact as contacts
        on
            requested.entity_id = contacts.opportunity_id
            and requested.as_of_end > contacts.created_at
            and (contacts.removed_at is null or requested.as_of_end <= contacts.removed_at)
    group by requested.entity_id, requested.as_of_date
),

role_systems as (
    select count(*) > 0 as has_roles from core.fct_opportunity_contact
),

competitors as (
    select
        requested.entity_id,
        requested.as_of_date,
        count(*) as competitor_count
    from requested
    inner join core.fct_opportunity_competitor as competitors
        on
            requested.entity_id = competitors.opportunity_id
            and requested.as_of_end > competitors.first_seen_at
            and (competitors.removed_at is null or requested.as_of_end <= competitors.removed_at)
    group by requested.entity_id, requested.as_of_date
),

promises as (
    select
        requested.entity_id,
        requested.as_of_date,
        count(*) as overdue_promise_count,
        min(actions.due_date) as first_due_date
    from requested
    inner join core.fct_conversation_action as actions
        on
            requested.entity_id = actions.opportunity_id
            and requested.as_of_end > actions.created_at
            and requested.as_of_date > actions.due_date
            and (actions.completed_at is null or requested.as_of_end <= actions.completed_at)
            and (
                actions.status is distinct from 'cancelled'
                or requested.as_of_end <= actions.modified_at
            )
    group by requested.entity_id, requested.as_of_date
),

rates as (
    select
        currency_code,
        valid_from,
        coalesce(valid_to, date '9999-12-31') as valid_until,
        cast(rate_to_corporate as double) as rate_to_corporate
    from core.fct_fx_rate
)

select
    states.entity_id,
    states.as_of_date,
    states.owner_user_id,
    states.stage || ', ' || coalesce(opportunities.opportunity_type, 'new') as stratum,
    states.stage,
    stages.stage_order,
    states.amount_local * rates.rate_to_corporate as amount,
    states.amount_local is not null as has_amount,
    date_diff('day', cast(states.created_at as date), states.as_of_date) as age_days,
    date_diff('day', cast(states.stage_entered_at as date), states.as_of_date) as days_in_stage,
    date_diff('day', states.close_date, states.as_of_date) as days_overdue,
    date_diff('day', states.as_of_date, states.close_date) as days_to_close_date,
    coalesce(pushes.push_count, 0) as push_count,
    case
        when told.next_steps_since < cast(states.as_of_date + 1 as timestamp)
            then states.next_step is not null
    end as has_next_step,
    date_diff(
        'day', cast(coalesce(contacts_made.last_activity_at, states.created_at) as date),
        states.as_of_date
    ) as days_without_activity,
    date_diff(
        'day', cast(coalesce(contacts_made.last_meeting_at, states.created_at) as date),
        states.as_of_date
    ) as days_without_meeting,
    date_diff('day', cast(contacts_made.last_inbound_at as date), states.as_of_date)
        as days_since_inbound,
    case
        when
            contacts_made.last_inbound_at
            > coalesce(contacts_made.last_answer_at, timestamp '1900-01-01')
            then date_diff('day', cast(contacts_made.last_inbound_at as date), states.as_of_date)
    end as days_unanswered,
    case
        when
            contacts_made.last_missed_at
            > coalesce(contacts_made.last_meeting_at, timestamp '1900-01-01')
            then date_diff('day', cast(contacts_made.last_missed_at as date), states.as_of_date)
    end as days_since_missed_meeting,
    coalesce(contacts_made.engaged_contact_count, 0) as engaged_contact_count,
    case when role_systems.has_roles then coalesce(roles.contact_role_count, 0) end
        as contact_role_count,
    case when role_systems.has_roles then coalesce(roles.has_champion, false) end as has_champion,
    case when role_systems.has_roles then coalesce(roles.has_decision_maker, false) end
        as has_decision_maker,
    coalesce(competitors.competitor_count, 0) as competitor_count,
    coalesce(promises.overdue_promise_count, 0) as overdue_promise_count,
    date_diff('day', promises.first_due_date, states.as_of_date) as days_promise_overdue
from states
inner join stages on states.stage = stages.stage and stages.is_open
inner join core.fct_opportunity as opportunities
    on states.entity_id = opportunities.opportunity_id
cross join told
cross join role_systems
left join rates
    on
        opportunities.currency_code = rates.currency_code
        and states.as_of_date >= rates.valid_from
        and states.as_of_date < rates.valid_until
left join pushes
    on states.entity_id = pushes.entity_id and states.as_of_date = pushes.as_of_date
left join contacts_made
    on
        states.entity_id = contacts_made.entity_id
        and states.as_of_date = contacts_made.as_of_date
left join roles on states.entity_id = roles.entity_id and states.as_of_date = roles.as_of_date
left join competitors
    on states.entity_id = competitors.entity_id and states.as_of_date = competitors.as_of_date
left join promises
    on states.entity_id = promises.entity_id and states.as_of_date = promises.as_of_date
where not states.is_deleted
order by states.entity_id, states.as_of_date
