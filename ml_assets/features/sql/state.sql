-- One row per snapshot: the opportunity's pipeline state as it was known at the end of that day,
-- replayed from its field changes. An opportunity without a visible change is absent.
with

snapshots as (
    select * from requested_snapshot
),

events as (
    select * from core.fct_opportunity_event
),

stages as (
    select
        stage,
        min(stage_order) as stage_order
    from core.dim_stage
    where stage is not null
    group by stage
),

visible as (
    select
        snapshots.opportunity_id,
        snapshots.as_of_date,
        snapshots.as_of_end,
        events.field,
        events.old_value,
        events.new_value,
        events.changed_at,
        row_number() over (
            partition by snapshots.opportunity_id, snapshots.as_of_date, events.field
            order by events.changed_at desc, events.recorded_at desc, events.change_id desc
        ) as recency,
        row_number() over (
            partition by snapshots.opportunity_id, snapshots.as_of_date, events.field
            order by events.changed_at, events.recorded_at, events.change_id
        ) as occurrence
    from snapshots
    inner join events
        on
            snapshots.opportunity_id = events.opportunity_id
            and snapshots.as_of_end > events.changed_at
            and snapshots.as_of_end > events.recorded_at
),

typed as (
    select
        visible.*,
        case
            when visible.field = 'amount_local' then try_cast(visible.old_value as double)
        end as old_amount,
        case
            when visible.field = 'amount_local' then try_cast(visible.new_value as double)
        end as new_amount,
        case
            when visible.field = 'close_date' then try_cast(visible.old_value as date)
        end as old_close_date,
        case
            when visible.field = 'close_date' then try_cast(visible.new_value as date)
        end as new_close_date,
        case when visible.field = 'stage' then old_stage.stage_order end as old_stage_order,
        case when visible.field = 'stage' then new_stage.stage_order end as new_stage_order,
        visible.occurrence > 1
        and coalesce(visible.old_value, '') <> coalesce(visible.new_value, '') as is_change
    from visible
    left join stages as old_stage on visible.old_value = old_stage.stage
    left join stages as new_stage on visible.new_value = new_stage.stage
),

state as (
    select
        opportunity_id,
        as_of_date,
        as_of_end,
        max(case when field = 'stage' and recency = 1 then new_value end) as stage,
        max(case when recency = 1 then new_stage_order end) as stage_order,
        max(case when field = 'stage' and recency = 1 then changed_at end) as stage_entered_at,
        min(case when field = 'stage' then changed_at end) as first_seen_at,
        max(case when field = 'owner_user_id' and recency = 1 then new_value end)
            as owner_user_id,
        max(case when field = 'forecast_category' and recency = 1 then new_value end)
            as forecast_category,
        max(case when recency = 1 then new_close_date end) as close_date,
        max(case when recency = 1 then new_amount end) as amount_local,
        max(case when occurrence = 1 then new_amount end) as first_amount_local,
        max(case when field = 'is_deleted' and recency = 1 then new_value end) as deleted_text,
        max(case when field = 'next_step' then changed_at end) as next_step_changed_at,
        max(case when field = 'amount_local' and is_change then changed_at end)
            as amount_changed_at,
        max(case when is_change then changed_at end) as last_changed_at,
        count(*) filter (where field = 'next_step' and new_value is not null) as next_step_count,
        count(*) filter (where field = 'owner_user_id' and is_change) as owner_change_count,
        count(*) filter (where field = 'amount_local' and is_change and new_amount > old_amount)
            as amount_increase_count,
        count(*) filter (where field = 'amount_local' and is_change and new_amount < old_amount)
            as amount_decrease_count,
        count(*) filter (where is_change and new_close_date > old_close_date) as push_count,
        count(*) filter (where is_change and new_close_date < old_close_date) as pull_in_count,
        sum(
            case
                when is_change and new_close_date > old_close_date
                    then date_diff('day', old_close_date, new_close_date)
            end
        ) as days_pushed,
        count(*) filter (where field = 'stage' and is_change) as stage_move_count,
        count(*) filter (where is_change and new_stage_order < old_stage_order)
            as stage_regression_count,
        count(*) filter (where is_change and new_stage_order > old_stage_order + 1)
            as stage_skip_count
    from typed
    group by opportunity_id, as_of_date, as_of_end
)

select
    opportunity_id,
    as_of_date,
    stage,
    stage_order,
    stage_entered_at,
    first_seen_at,
    owner_user_id,
    forecast_category,
    close_date,
    amount_local,
    first_amount_local,
    coalesce(lower(deleted_text) = 'true', false) as is_deleted,
    stage is not null and stage in ('Closed Won', 'Closed Lost') as is_closed,
    coalesce(stage = 'Closed Won', false) as is_won,
    date_diff('day', stage_entered_at, as_of_end - interval 1 second) as days_in_stage,
    date_diff('day', first_seen_at, as_of_end - interval 1 second) as age_days,
    date_diff('day', as_of_date, close_date) as days_to_close_date,
    date_diff('day', amount_changed_at, as_of_end - interval 1 second)
        as days_since_amount_change,
    date_diff('day', next_step_changed_at, as_of_end - interval 1 second)
        as days_since_next_step,
    date_diff('day', last_changed_at, as_of_end - interval 1 second) as days_since_any_change,
    next_step_count,
    owner_change_count,
    amount_increase_count,
    amount_decrease_count,
    push_count,
    pull_in_count,
    coalesce(days_pushed, 0) as days_pushed,
    stage_move_count,
    stage_regression_count,
    stage_skip_count
from state
order by opportunity_id, as_of_date
