-- One row per requested account and evening: what a playbook asks about it.
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
    from core.dim_account
),

stages as (
    select
        stage,
        bool_or(is_open) as is_open,
        bool_or(is_won) as is_won
    from core.dim_stage
    where stage is not null
    group by stage
),

stage_events as (
    select
        opportunities.account_id,
        opportunities.opportunity_id,
        opportunities.opportunity_type,
        events.new_value,
        events.field,
        events.changed_at,
        events.recorded_at,
        (events.changed_at, events.recorded_at, events.change_id) as position
    from core.fct_opportunity_event as events
    inner join core.fct_opportunity as opportunities
        on events.opportunity_id = opportunities.opportunity_id
    where events.field in ('stage', 'is_deleted')
),

deals as (
    select
        requested.entity_id,
        requested.as_of_date,
        stage_events.opportunity_id,
        stage_events.opportunity_type,
        arg_max_null(stage_events.new_value, stage_events.position)
            filter (where stage_events.field = 'stage') as stage,
        max(stage_events.changed_at) filter (where stage_events.field = 'stage') as changed_at,
        coalesce(
            arg_max_null(stage_events.new_value, stage_events.position)
                filter (where stage_events.field = 'is_deleted') = 'true', false
        ) as is_deleted
    from requested
    inner join stage_events
        on
            requested.entity_id = stage_events.account_id
            and requested.as_of_end > stage_events.changed_at
            and requested.as_of_end > stage_events.recorded_at
    group by all
),

deal_figures as (
    select
        deals.entity_id,
        deals.as_of_date,
        count(*) filter (where stages.is_open) as open_deal_count,
        count(*) filter (where stages.is_open and deals.opportunity_type = 'renewal')
            as open_renewal_count,
        count(*) filter (where stages.is_won) as won_deal_count,
        max(deals.changed_at) filter (where stages.is_won) as last_won_at,
        max(deals.changed_at) filter (
            where stages.is_won and deals.opportunity_type in ('new', 'renewal')
        ) as last_term_at,
        max(deals.changed_at) filter (where not stages.is_open and not stages.is_won)
            as last_lost_at
    from deals
    inner join stages on deals.stage = stages.stage
    where not deals.is_deleted
    group by deals.entity_id, deals.as_of_date
),

activities as materialized (
    select
        account_id,
        person_contact_id,
        direction,
        occurred_at,
        recorded_at
    from core.fct_activity
    where account_id is not null and not coalesce(is_automated, false)
),

contacts_made as (
    select
        requested.entity_id,
        requested.as_of_date,
        max(activities.occurred_at) as last_activity_at,
        count(*) filter (
            where activities.direction = 'inbound'
            and activities.occurred_at >= requested.as_of_end - interval 14 day
        ) as inbound_14d
    from requested
    inner join activities
        on
            requested.entity_id = activities.account_id
            and requested.as_of_end > activities.occurred_at
            and requested.as_of_end > activities.recorded_at
    group by requested.entity_id, requested.as_of_date
),

touches as (
    select
        requested.entity_id,
        requested.as_of_date,
        count(*) filter (where touches.occurred_at >= requested.as_of_end - interval 30 day)
            as touches_30d,
        count(distinct touches.contact_id) filter (
            where touches.occurred_at >= requested.as_of_end - interval 30 day
        ) as touched_contact_count_30d
    from requested
    inner join core.fct_touchpoint as touches
        on
            requested.entity_id = touches.account_id
            and requested.as_of_end > touches.occurred_at
            and requested.as_of_end > coalesce(touches.recorded_at, touches.occurred_at)
    group by requested.entity_id, requested.as_of_date
)

select
    requested.entity_id,
    requested.as_of_date,
    versions.owner_user_id,
    coalesce(versions.segment, 'Unknown') as segment,
    coalesce(versions.segment, 'Unknown')
    || case when deal_figures.won_deal_count > 0 then ', customer' else ', prospect' end as stratum,
    date_diff('day', cast(versions.created_at as date), requested.as_of_date) as age_days,
    coalesce(deal_figures.open_deal_count, 0) as open_deal_count,
    coalesce(deal_figures.open_renewal_count, 0) as open_renewal_count,
    coalesce(deal_figures.won_deal_count, 0) as won_deal_count,
    date_diff('day', cast(deal_figures.last_won_at as date), requested.as_of_date)
        as days_since_won,
    date_diff('day', cast(deal_figures.last_lost_at as date), requested.as_of_date)
        as days_since_lost,
    date_diff('day', cast(deal_figures.last_term_at as date), requested.as_of_date)
        as days_since_term_began,
    date_diff(
        'day', cast(coalesce(contacts_made.last_activity_at, versions.created_at) as date),
        requested.as_of_date
    ) as days_without_activity,
    coalesce(contacts_made.inbound_14d, 0) as inbound_14d,
    coalesce(touches.touches_30d, 0) as touches_30d,
    coalesce(touches.touched_contact_count_30d, 0) as touched_contact_count_30d
from requested
inner join versions
    on
        requested.entity_id = versions.account_id
        and requested.as_of_end > versions.valid_from
        and requested.as_of_end <= versions.valid_until
left join deal_figures
    on
        requested.entity_id = deal_figures.entity_id
        and requested.as_of_date = deal_figures.as_of_date
left join contacts_made
    on
        requested.entity_id = contacts_made.entity_id
        and requested.as_of_date = contacts_made.as_of_date
left join touches
    on requested.entity_id = touches.entity_id and requested.as_of_date = touches.as_of_date
where not coalesce(versions.is_deleted, false) and versions.merged_into_account_id is null
order by requested.entity_id, requested.as_of_date
