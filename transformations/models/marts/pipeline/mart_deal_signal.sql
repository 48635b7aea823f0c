{#- The evening itself and the month ends before it, so far back that there is enough to learn from
    and the process is still the same one. -#}
{%- set months_back = 24 -%}

with

opportunities as (
    select * from {{ ref('fct_opportunity') }}
),

opportunity_days as (
    select * from {{ ref('fct_opportunity_daily') }}
    where is_open
),

events as (
    select * from {{ ref('fct_opportunity_event') }}
),

stage_spans as (
    select * from {{ ref('fct_opportunity_stage_span') }}
    where is_open_stage
),

accounts as (
    select * from {{ ref('dim_account') }}
    where is_current
),

thresholds as (
    select * from {{ ref('risk_thresholds') }}
),

clock as (
    select {{ as_of_date() }} as as_of_date
),

calendar as (
    select
        date_day,
        month_end_date
    from {{ ref('dim_date') }}
),

dates as (
    select
        calendar.date_day,
        cast({{ dbt.dateadd('day', 1, 'calendar.date_day') }} as timestamp) as day_end,
        clock.as_of_date
    from calendar
    cross join clock
    where
        calendar.date_day = clock.as_of_date
        or (
            calendar.date_day = calendar.month_end_date
            and calendar.date_day < clock.as_of_date
            and {{ dbt.datediff('calendar.date_day', 'clock.as_of_date', 'month') }}
            <= {{ months_back }}
        )
),

rules as (
    select
        max(case when flag = 'pushed_repeatedly' then threshold end) as decisive_push_number,
        max(case when flag = 'large_amount' then window_days end) as usual_amount_window_days,
        max(case when flag = 'shrinking_amount' then threshold end) as shrinking_share,
        max(case when flag = 'shrinking_amount' then window_days end) as shrinking_window_days
    from thresholds
),

deals as (
    select
        opportunity_days.*,
        dates.day_end,
        dates.as_of_date,
        opportunities.name,
        opportunities.opportunity_type,
        opportunities.created_at,
        opportunities.created_date,
        accounts.segment as account_segment
    from opportunity_days
    inner join dates on opportunity_days.date_day = dates.date_day
    inner join opportunities on opportunity_days.opportunity_id = opportunities.opportunity_id
    left join accounts on opportunity_days.account_id = accounts.account_id
),

-- What a source system tells at all: a warning for want of what nobody records would be none.
next_step_systems as (
    select
        source_system,
        min(recorded_at) as first_recorded_at
    from events
    where field = 'next_step' and trim(new_value) <> ''
    group by source_system
),

current_visits as (
    select
        deals.opportunity_id,
        deals.date_day,
        cast(stage_spans.entered_at as date) as stage_entered_date,
        {{ elapsed_days('stage_spans.entered_at', 'deals.day_end') }} as days_in_stage
    from deals
    inner join stage_spans
        on
            deals.opportunity_id = stage_spans.opportunity_id
            and deals.day_end > stage_spans.entered_at
            and deals.day_end <= coalesce(stage_spans.exited_at, deals.day_end)
),

-- How long visits last: a visit that goes on has lasted at least as long as it has (Kaplan, Meier:
-- Nonparametric Estimation from Incomplete Observations, JASA 53, 1958). Without these, the deals
-- that never move would not count, and the others would look slow.
visits as (
    select
        dates.date_day,
        stage_spans.stage,
        case
            when stage_spans.exited_at < dates.day_end then stage_spans.days_in_stage
            else {{ elapsed_days('stage_spans.entered_at', 'dates.day_end') }}
        end as days_in_stage,
        case when stage_spans.exited_at < dates.day_end then 1 else 0 end as has_ended
    from stage_spans
    inner join dates on stage_spans.entered_at < dates.day_end
),

lengths as (
    select
        date_day,
        stage,
        days_in_stage,
        sum(has_ended) as ended_count,
        sum(count(*)) over (
            partition by date_day, stage
            order by days_in_stage desc
            rows between unbounded preceding and current row
        ) as lasting_count
    from visits
    group by date_day, stage, days_in_stage
),

survival as (
    select
        *,
        sum(
            case
                when ended_count < lasting_count
                    then ln(1 - cast(ended_count as double) / cast(lasting_count as double))
                else -1000
            end
        ) over (
            partition by date_day, stage
            order by days_in_stage
            rows between unbounded preceding and current row
        ) as log_share_staying
    from lengths
),

finished_visits as (
    select
        date_day,
        stage,
        sum(ended_count) as visit_count,
        min(case when log_share_staying <= ln(0.25) + 1e-9 then days_in_stage end) as p75_days
    from survival
    group by date_day, stage
),

usual_wins as (
    select
        dates.date_day,
        opportunities.opportunity_type,
        accounts.segment,
        count(*) as won_count,
        {{ median_double('opportunities.amount') }} as median_amount
    from opportunities
    cross join rules
    inner join dates
        on
            opportunities.closed_at < dates.day_end
            and {{ dbt.datediff('opportunities.close_date', 'dates.date_day', 'day') }}
            between 0 and rules.usual_amount_window_days
    left join accounts on opportunities.account_id = accounts.account_id
    where
        opportunities.is_won
        and opportunities.amount is not null
    group by dates.date_day, opportunities.opportunity_type, accounts.segment
),

recent_amounts as (
    select
        deals.opportunity_id,
        deals.date_day as inspected_day,
        earlier_days.date_day,
        earlier_days.amount_local,
        max(earlier_days.amount_local) over (
            partition by deals.opportunity_id, deals.date_day
        ) as peak_amount_local
    from deals
    cross join rules
    inner join opportunity_days as earlier_days
        on
            deals.opportunity_id = earlier_days.opportunity_id
            and deals.currency_code = earlier_days.currency_code
            and deals.date_day >= earlier_days.date_day
            and {{ dbt.datediff('earlier_days.date_day', 'deals.date_day', 'day') }}
            <= rules.shrinking_window_days
),

amount_peaks as (
    select
        recent_amounts.opportunity_id,
        recent_amounts.inspected_day as date_day,
        max(recent_amounts.peak_amount_local) as peak_amount_local,
        max(
            case
                when
                    recent_amounts.amount_local
                    > recent_amounts.peak_amount_local * (1 - rules.shrinking_share)
                    then recent_amounts.date_day
            end
        ) as last_day_near_peak
    from recent_amounts
    cross join rules
    group by recent_amounts.opportunity_id, recent_amounts.inspected_day
),

close_dates as (
    select
        opportunity_id,
        changed_at,
        recorded_at,
        change_id,
        cast(new_value as date) as close_date,
        lag(cast(new_value as date)) over (
            partition by opportunity_id
            order by {{ event_order() }}
        ) as previous_close_date
    from events
    where field = 'close_date'
),

-- a push is a move to a later date that leaves the deal open, as in fct_opportunity
pushes as (
    select
        close_dates.opportunity_id,
        close_dates.changed_at,
        close_dates.recorded_at,
        {{ dbt.datediff('close_dates.previous_close_date', 'close_dates.close_date', 'day') }}
            as days_pushed,
        row_number() over (
            partition by close_dates.opportunity_id
            order by close_dates.changed_at, close_dates.recorded_at, close_dates.change_id
        ) as push_number
    from close_dates
    inner join stage_spans
        on
            close_dates.opportunity_id = stage_spans.opportunity_id
            and close_dates.changed_at >= stage_spans.entered_at
            and (close_dates.changed_at < stage_spans.exited_at or stage_spans.exited_at is null)
    where close_dates.close_date > close_dates.previous_close_date
),

pushes_so_far as (
    select
        deals.opportunity_id,
        deals.date_day,
        count(*) as push_count,
        sum(pushes.days_pushed) as days_pushed,
        max(
            case
                when pushes.push_number = cast(rules.decisive_push_number as integer)
                    then cast(pushes.changed_at as date)
            end
        ) as decisive_push_date
    from deals
    cross join rules
    inner join pushes
        on
            deals.opportunity_id = pushes.opportunity_id
            and deals.day_end > pushes.recorded_at
    group by deals.opportunity_id, deals.date_day
),

told_changes as (
    select
        deals.opportunity_id,
        deals.date_day,
        events.field,
        events.new_value,
        cast(events.changed_at as date) as changed_date,
        row_number() over (
            partition by deals.opportunity_id, deals.date_day, events.field
            order by events.changed_at desc, events.recorded_at desc, events.change_id desc
        ) as recency
    from deals
    inner join events
        on
            deals.opportunity_id = events.opportunity_id
            and deals.day_end > events.recorded_at
    where events.field in ('next_step', 'amount_local')
),

last_changes as (
    select
        opportunity_id,
        date_day,
        max(case when field = 'next_step' then new_value end) as next_step,
        max(case when field = 'next_step' then changed_date end) as next_step_changed_date,
        max(case when field = 'amount_local' then changed_date end) as amount_changed_date
    from told_changes
    where recency = 1
    group by opportunity_id, date_day
),

final as (
    select
        deals.opportunity_id,
        deals.date_day,
        deals.date_day = deals.as_of_date as is_as_of_date,
        deals.source_system,
        deals.name as opportunity_name,
        deals.account_id,
        deals.owner_user_id,
        deals.opportunity_type,
        deals.account_segment,
        deals.stage,
        deals.stage_order,
        deals.forecast_category,
        deals.amount,
        deals.created_date,
        deals.close_date,
        cast(
            {{ dbt.datediff('deals.close_date', 'deals.date_day', 'day') }}
            as integer
        ) as days_overdue,
        cast(coalesce(pushes_so_far.push_count, 0) as integer) as push_count,
        cast(coalesce(pushes_so_far.days_pushed, 0) as integer) as days_pushed,
        pushes_so_far.decisive_push_date,
        current_visits.stage_entered_date,
        cast(current_visits.days_in_stage as decimal(18, 1)) as days_in_stage,
        cast(coalesce(finished_visits.visit_count, 0) as bigint) as stage_visit_count,
        cast(finished_visits.p75_days as decimal(18, 1)) as stage_p75_days,
        coalesce(next_step_systems.first_recorded_at < deals.day_end, false) as has_next_steps,
        case when trim(last_changes.next_step) <> '' then last_changes.next_step end as next_step,
        coalesce(last_changes.next_step_changed_date, deals.created_date)
            as next_step_changed_date,
        coalesce(last_changes.amount_changed_date, deals.created_date) as amount_changed_date,
        {{ rate(
            'amount_peaks.peak_amount_local - deals.amount_local',
            'amount_peaks.peak_amount_local'
        ) }} as amount_drop_share,
        amount_peaks.last_day_near_peak,
        cast(coalesce(usual_wins.won_count, 0) as bigint) as usual_won_count,
        cast(usual_wins.median_amount as decimal(18, 2)) as usual_amount,
        deals.as_of_date
    from deals
    left join next_step_systems on deals.source_system = next_step_systems.source_system
    left join current_visits
        on
            deals.opportunity_id = current_visits.opportunity_id
            and deals.date_day = current_visits.date_day
    left join finished_visits
        on
            deals.stage = finished_visits.stage
            and deals.date_day = finished_visits.date_day
    left join usual_wins
        on
            deals.date_day = usual_wins.date_day
            and deals.opportunity_type = usual_wins.opportunity_type
            and coalesce(deals.account_segment, '') = coalesce(usual_wins.segment, '')
    left join amount_peaks
        on
            deals.opportunity_id = amount_peaks.opportunity_id
            and deals.date_day = amount_peaks.date_day
    left join pushes_so_far
        on
            deals.opportunity_id = pushes_so_far.opportunity_id
            and deals.date_day = pushes_so_far.date_day
    left join last_changes
        on
            deals.opportunity_id = last_changes.opportunity_id
            and deals.date_day = last_changes.date_day
)

select * from final
order by date_day, close_date, opportunity_id
