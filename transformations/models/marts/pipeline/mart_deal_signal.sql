with

opportunities as (
    select * from {{ ref('fct_opportunity') }}
),

opportunity_days as (
    select * from {{ ref('fct_opportunity_daily') }}
),

events as (
    select * from {{ ref('fct_opportunity_event') }}
),

stage_spans as (
    select * from {{ ref('fct_opportunity_stage_span') }}
    where is_open_stage
),

activities as (
    select
        *,
        {{ is_two_way() }} as is_two_way
    from {{ ref('fct_activity') }}
    where not is_automated and {{ has_taken_place() }}
),

activity_matches as (
    select * from {{ ref('bridge_activity_opportunity') }}
),

accounts as (
    select * from {{ ref('dim_account') }}
    where is_current
),

users as (
    select * from {{ ref('dim_user') }}
    where is_current
),

thresholds as (
    select * from {{ ref('risk_thresholds') }}
),

clock as (
    select {{ as_of_date() }} as as_of_date
),

open_deals as (
    select * from opportunities
    where is_open
),

rules as (
    select
        max(case when flag = 'pushed_repeatedly' then threshold end) as decisive_push_number,
        max(case when flag = 'large_amount' then window_days end) as usual_amount_window_days,
        max(case when flag = 'shrinking_amount' then threshold end) as shrinking_share,
        max(case when flag = 'shrinking_amount' then window_days end) as shrinking_window_days
    from thresholds
),

activity_data as (
    select count(*) > 0 as has_activities
    from activities
),

-- What a source system tells at all: a warning for want of what nobody records would be none.
recorded as (
    select
        opportunities.source_system,
        activity_data.has_activities,
        count(opportunities.next_step) > 0 as has_next_steps
    from opportunities
    cross join activity_data
    group by opportunities.source_system, activity_data.has_activities
),

current_visits as (
    select
        opportunity_id,
        cast(entered_at as date) as stage_entered_date,
        days_in_stage
    from stage_spans
    where is_current
),

finished_visits as (
    select
        stage,
        count(*) as visit_count,
        {{ quantile_double('days_in_stage', 0.75) }} as p75_days
    from stage_spans
    where exited_at is not null
    group by stage
),

usual_wins as (
    select
        opportunities.opportunity_type,
        accounts.segment,
        count(*) as won_count,
        {{ median_double('opportunities.amount') }} as median_amount
    from opportunities
    left join accounts on opportunities.account_id = accounts.account_id
    cross join rules
    cross join clock
    where
        opportunities.is_won
        and opportunities.amount is not null
        and {{ dbt.datediff('opportunities.close_date', 'clock.as_of_date', 'day') }}
        between 0 and rules.usual_amount_window_days
    group by opportunities.opportunity_type, accounts.segment
),

engagement as (
    select
        activity_matches.opportunity_id,
        max(cast(activities.occurred_at as date)) as last_activity_date,
        count(distinct case when activities.is_two_way then activities.person_contact_id end)
            as engaged_contact_count
    from activity_matches
    inner join open_deals on activity_matches.opportunity_id = open_deals.opportunity_id
    inner join activities on activity_matches.activity_id = activities.activity_id
    where activities.occurred_at < {{ as_of_end() }}
    group by activity_matches.opportunity_id
),

recent_amounts as (
    select
        opportunity_days.opportunity_id,
        opportunity_days.date_day,
        opportunity_days.amount_local,
        max(opportunity_days.amount_local) over (
            partition by opportunity_days.opportunity_id
        ) as peak_amount_local
    from opportunity_days
    inner join open_deals
        on
            opportunity_days.opportunity_id = open_deals.opportunity_id
            and opportunity_days.currency_code = open_deals.currency_code
    cross join rules
    cross join clock
    where
        opportunity_days.is_open
        and {{ dbt.datediff('opportunity_days.date_day', 'clock.as_of_date', 'day') }}
        <= rules.shrinking_window_days
),

amount_peaks as (
    select
        recent_amounts.opportunity_id,
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
    group by recent_amounts.opportunity_id
),

pushes as (
    select
        opportunity_id,
        cast(changed_at as date) as pushed_date,
        row_number() over (
            partition by opportunity_id
            order by {{ event_order() }}
        ) as push_number
    from events
    where field = 'close_date' and new_value > old_value
),

decisive_pushes as (
    select
        pushes.opportunity_id,
        pushes.pushed_date
    from pushes
    cross join rules
    where pushes.push_number = cast(rules.decisive_push_number as integer)
),

last_changes as (
    select
        opportunity_id,
        max(case when field = 'next_step' then cast(changed_at as date) end)
            as next_step_changed_date,
        max(case when field = 'amount_local' then cast(changed_at as date) end)
            as amount_changed_date
    from events
    where field in ('next_step', 'amount_local')
    group by opportunity_id
),

final as (
    select
        open_deals.opportunity_id,
        open_deals.source_system,
        open_deals.name as opportunity_name,
        open_deals.account_id,
        accounts.name as account_name,
        open_deals.owner_user_id,
        users.name as owner_name,
        users.team as owner_team,
        open_deals.opportunity_type,
        open_deals.stage,
        open_deals.stage_order,
        open_deals.forecast_category,
        open_deals.amount,
        open_deals.created_date,
        open_deals.close_date,
        cast(
            {{ dbt.datediff('open_deals.close_date', 'open_deals.as_of_date', 'day') }}
            as integer
        ) as days_overdue,
        open_deals.push_count,
        open_deals.days_pushed,
        decisive_pushes.pushed_date as decisive_push_date,
        current_visits.stage_entered_date,
        cast(current_visits.days_in_stage as decimal(18, 1)) as days_in_stage,
        cast(coalesce(finished_visits.visit_count, 0) as bigint) as stage_visit_count,
        cast(finished_visits.p75_days as decimal(18, 1)) as stage_p75_days,
        recorded.has_activities,
        engagement.last_activity_date,
        case
            when recorded.has_activities
                then
                    cast(
                        {{ dbt.datediff(
                            'coalesce(engagement.last_activity_date, open_deals.created_date)',
                            'open_deals.as_of_date',
                            'day'
                        ) }} as integer
                    )
        end as days_without_activity,
        case
            when recorded.has_activities
                then cast(coalesce(engagement.engaged_contact_count, 0) as bigint)
        end as engaged_contact_count,
        recorded.has_next_steps,
        case when trim(open_deals.next_step) <> '' then open_deals.next_step end as next_step,
        coalesce(last_changes.next_step_changed_date, open_deals.created_date)
            as next_step_changed_date,
        coalesce(last_changes.amount_changed_date, open_deals.created_date)
            as amount_changed_date,
        {{ rate(
            'amount_peaks.peak_amount_local - open_deals.amount_local',
            'amount_peaks.peak_amount_local'
        ) }} as amount_drop_share,
        amount_peaks.last_day_near_peak,
        cast(coalesce(usual_wins.won_count, 0) as bigint) as usual_won_count,
        cast(usual_wins.median_amount as decimal(18, 2)) as usual_amount,
        open_deals.as_of_date
    from open_deals
    left join recorded on open_deals.source_system = recorded.source_system
    left join accounts on open_deals.account_id = accounts.account_id
    left join users on open_deals.owner_user_id = users.user_id
    left join current_visits on open_deals.opportunity_id = current_visits.opportunity_id
    left join finished_visits on open_deals.stage = finished_visits.stage
    left join usual_wins
        on
            open_deals.opportunity_type = usual_wins.opportunity_type
            and coalesce(accounts.segment, '') = coalesce(usual_wins.segment, '')
    left join engagement on open_deals.opportunity_id = engagement.opportunity_id
    left join amount_peaks on open_deals.opportunity_id = amount_peaks.opportunity_id
    left join decisive_pushes on open_deals.opportunity_id = decisive_pushes.opportunity_id
    left join last_changes on open_deals.opportunity_id = last_changes.opportunity_id
)

select * from final
order by close_date, opportunity_id
