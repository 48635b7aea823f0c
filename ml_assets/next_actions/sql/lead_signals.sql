-- One row per requested lead and evening on which it was open: what a playbook asks about it.
with

requested as (
    select
        entity_id,
        as_of_date,
        cast(as_of_date + 1 as timestamp) as as_of_end
    from requested_entity
),

versions as (
    select
        *,
        coalesce(cast(valid_to as timestamp), timestamp '9999-12-31') as valid_until
    from core.dim_lead
    where created_at is not null
),

lifecycle as (
    select
        requested.entity_id,
        requested.as_of_date,
        arg_max(
            events.stage, (events.entered_at, events.recorded_at, events.lifecycle_event_id)
        ) as stage,
        max(events.entered_at) as entered_at
    from requested
    inner join core.fct_lifecycle_event as events
        on
            requested.entity_id = events.lead_id
            and requested.as_of_end > events.entered_at
            and requested.as_of_end > coalesce(events.recorded_at, events.entered_at)
    group by requested.entity_id, requested.as_of_date
),

activities as materialized (
    select
        person_lead_id,
        activity_type,
        direction,
        outcome,
        occurred_at,
        recorded_at
    from core.fct_activity
    where person_lead_id is not null and not coalesce(is_automated, false)
),

contacts_made as (
    select
        requested.entity_id,
        requested.as_of_date,
        count(*) filter (
            where coalesce(activities.direction, 'outbound') = 'outbound'
        ) as attempt_count,
        count(*) filter (
            where activities.direction = 'inbound'
            or activities.outcome = 'connected'
            or (
                activities.activity_type in ('meeting', 'event')
                and coalesce(activities.outcome, 'held') not in ('cancelled', 'no_show')
            )
        ) as connect_count,
        max(activities.occurred_at) filter (
            where coalesce(activities.direction, 'outbound') = 'outbound'
        ) as last_outbound_at,
        max(activities.occurred_at) filter (where activities.direction = 'inbound')
            as last_inbound_at
    from requested
    inner join activities
        on
            requested.entity_id = activities.person_lead_id
            and requested.as_of_end > activities.occurred_at
            and requested.as_of_end > activities.recorded_at
    group by requested.entity_id, requested.as_of_date
),

touches as (
    select
        requested.entity_id,
        requested.as_of_date,
        max(touches.occurred_at) as last_touch_at,
        count(*) filter (where touches.occurred_at >= requested.as_of_end - interval 14 day)
            as touches_14d
    from requested
    inner join core.fct_touchpoint as touches
        on
            requested.entity_id = touches.lead_id
            and requested.as_of_end > touches.occurred_at
            and requested.as_of_end > coalesce(touches.recorded_at, touches.occurred_at)
    group by requested.entity_id, requested.as_of_date
)

select
    requested.entity_id,
    requested.as_of_date,
    versions.owner_user_id,
    versions.owner_user_id is not null as has_owner,
    coalesce(lifecycle.stage, 'Lead') || case
        when versions.created_at >= cast(requested.as_of_date - 13 as timestamp) then ', 14 days'
        when versions.created_at >= cast(requested.as_of_date - 44 as timestamp) then ', 45 days'
        when versions.created_at >= cast(requested.as_of_date - 119 as timestamp) then ', 120 days'
        else ', older'
    end as stratum,
    coalesce(lifecycle.stage, 'Lead') as stage,
    lower(versions.rating) as rating,
    coalesce(versions.is_email_valid, false) as has_valid_email,
    date_diff('day', cast(versions.created_at as date), requested.as_of_date) as age_days,
    date_diff(
        'day', cast(coalesce(lifecycle.entered_at, versions.created_at) as date),
        requested.as_of_date
    ) as days_in_stage,
    coalesce(contacts_made.attempt_count, 0) as attempt_count,
    coalesce(contacts_made.connect_count, 0) as connect_count,
    date_diff(
        'day', cast(coalesce(contacts_made.last_outbound_at, versions.created_at) as date),
        requested.as_of_date
    ) as days_without_outbound,
    case
        when
            contacts_made.last_inbound_at
            > coalesce(contacts_made.last_outbound_at, timestamp '1900-01-01')
            then date_diff('day', cast(contacts_made.last_inbound_at as date), requested.as_of_date)
    end as days_unanswered,
    date_diff('day', cast(touches.last_touch_at as date), requested.as_of_date)
        as days_since_touch,
    case
        when
            touches.last_touch_at
            > coalesce(contacts_made.last_outbound_at, timestamp '1900-01-01')
            then date_diff('day', cast(touches.last_touch_at as date), requested.as_of_date)
    end as days_touch_unanswered,
    coalesce(touches.touches_14d, 0) as touches_14d
from requested
inner join versions
    on
        requested.entity_id = versions.lead_id
        and requested.as_of_end > versions.valid_from
        and requested.as_of_end <= versions.valid_until
left join lifecycle
    on
        requested.entity_id = lifecycle.entity_id
        and requested.as_of_date = lifecycle.as_of_date
left join contacts_made
    on
        requested.entity_id = contacts_made.entity_id
        and requested.as_of_date = contacts_made.as_of_date
left join touches
    on requested.entity_id = touches.entity_id and requested.as_of_date = touches.as_of_date
where
    not coalesce(versions.is_deleted, false)
    and not coalesce(versions.is_converted, false)
    and coalesce(lifecycle.stage, 'Lead') in ('Lead', 'MQL', 'SAL', 'SQL', 'Recycled')
order by requested.entity_id, requested.as_of_date
