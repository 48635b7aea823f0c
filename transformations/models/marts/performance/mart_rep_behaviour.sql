{%- set weeks_shown = 26 -%}
{%- set longest_window_weeks = 26 -%}

with

dates as (
    select * from {{ ref('dim_date') }}
),

opportunities as (
    select * from {{ ref('fct_opportunity') }}
    where not is_deleted and not {{ is_false_record('loss_reason') }}
),

opportunity_days as (
    select * from {{ ref('fct_opportunity_daily') }}
),

events as (
    select * from {{ ref('fct_opportunity_event') }}
),

stage_spans as (
    select * from {{ ref('fct_opportunity_stage_span') }}
),

opportunity_lines as (
    select * from {{ ref('fct_opportunity_line') }}
    where not is_deleted
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

conversations as (
    select * from {{ ref('fct_conversation') }}
),

stages as (
    select * from {{ ref('canonical_stages') }}
),

users as (
    select * from {{ ref('dim_user') }}
    where role in ('AE', 'BDR')
),

gaps as (
    select * from {{ ref('coaching_gaps') }}
),

clock as (
    select {{ as_of_date() }} as as_of_date
),

-- Whole weeks: those that are shown, and before them those that their windows look at.
weeks as (
    select
        dates.week_start_date as week_start,
        dates.week_end_date as week_end,
        row_number() over (order by dates.week_start_date desc) as week_age,
        clock.as_of_date
    from dates
    cross join clock
    where
        dates.date_day = dates.week_end_date
        and dates.week_end_date <= clock.as_of_date
        and {{ dbt.datediff('dates.week_end_date', 'clock.as_of_date', 'day') }}
        < {{ 7 * (weeks_shown + longest_window_weeks) }}
),

-- The sellers of a week, in the version that held at its end.
sellers as (
    select
        weeks.week_start,
        users.user_id,
        users.hired_on
    from weeks
    inner join users
        on
            {{ days_after('1', 'weeks.week_end') }} > users.valid_from
            and (
                users.valid_to is null
                or {{ days_after('1', 'weeks.week_end') }} <= users.valid_to
            )
    where
        coalesce(users.is_active, true)
        and not coalesce(users.is_deleted, false)
        and (users.hired_on is null or users.hired_on <= weeks.week_start)
        and (users.left_on is null or users.left_on > weeks.week_end)
),

-- Outreach: every week of a seller counts, also one without any.
outreach as (
    select
        weeks.week_start,
        activities.user_id,
        count(*) as activity_count,
        sum(
            case
                when activities.activity_type = 'meeting' and activities.is_two_way then 1
                else 0
            end
        ) as meeting_count
    from activities
    inner join weeks on activities.occurred_date between weeks.week_start and weeks.week_end
    where coalesce(activities.direction <> 'inbound', true)
    group by weeks.week_start, activities.user_id
),

-- A mail counts in the week in which its day to answer ends. Anybody of ours may have answered.
threads as (
    select
        user_id,
        direction,
        occurred_at,
        min(case when direction = 'outbound' then occurred_at end) over (
            partition by thread_id
            order by occurred_at
            rows between 1 following and unbounded following
        ) as answered_at
    from activities
    where activity_type = 'email' and thread_id is not null
),

replies as (
    select
        weeks.week_start,
        threads.user_id,
        count(*) as mail_count,
        sum(
            case
                when threads.answered_at < {{ dbt.dateadd('hour', 24, 'threads.occurred_at') }}
                    then 1
                else 0
            end
        ) as answered_count
    from threads
    inner join weeks
        on
            cast({{ dbt.dateadd('hour', 24, 'threads.occurred_at') }} as date)
            between weeks.week_start and weeks.week_end
    where threads.direction = 'inbound'
    group by weeks.week_start, threads.user_id
),

next_steps as (
    select
        opportunity_id,
        new_value as next_step,
        cast(changed_at as date) as changed_date,
        lead(cast(changed_at as date)) over (
            partition by opportunity_id
            order by {{ event_order() }}
        ) as next_changed_date
    from events
    where field = 'next_step'
),

kept_by_source as (
    select
        opportunities.source_system,
        count(next_steps.next_step) > 0 as has_next_steps
    from opportunities
    left join next_steps on opportunities.opportunity_id = next_steps.opportunity_id
    group by opportunities.source_system
),

activity_data as (
    select count(*) > 0 as has_activities
    from activities
),

first_engagements as (
    select
        activity_matches.opportunity_id,
        activities.person_contact_id,
        min(activities.occurred_date) as engaged_date
    from activity_matches
    inner join activities on activity_matches.activity_id = activities.activity_id
    where activities.is_two_way and activities.person_contact_id is not null
    group by activity_matches.opportunity_id, activities.person_contact_id
),

pushes as (
    select
        opportunity_id,
        cast(changed_at as date) as pushed_date
    from events
    where field = 'close_date' and new_value > old_value
),

open_deals as (
    select
        weeks.week_start,
        weeks.week_end,
        opportunity_days.opportunity_id,
        opportunity_days.owner_user_id as user_id,
        opportunity_days.stage,
        kept_by_source.has_next_steps
    from opportunity_days
    inner join weeks on opportunity_days.date_day = weeks.week_end
    inner join opportunities on opportunity_days.opportunity_id = opportunities.opportunity_id
    inner join kept_by_source on opportunities.source_system = kept_by_source.source_system
    where opportunity_days.is_open
),

engaged as (
    select
        open_deals.opportunity_id,
        open_deals.week_start,
        count(*) as contact_count
    from open_deals
    inner join first_engagements
        on
            open_deals.opportunity_id = first_engagements.opportunity_id
            and open_deals.week_end >= first_engagements.engaged_date
    group by open_deals.opportunity_id, open_deals.week_start
),

pushed as (
    select
        open_deals.opportunity_id,
        open_deals.week_start,
        count(*) as push_count,
        sum(case when pushes.pushed_date >= open_deals.week_start then 1 else 0 end)
            as push_count_of_week
    from open_deals
    inner join pushes
        on
            open_deals.opportunity_id = pushes.opportunity_id
            and open_deals.week_end >= pushes.pushed_date
    group by open_deals.opportunity_id, open_deals.week_start
),

planned as (
    select distinct
        open_deals.opportunity_id,
        open_deals.week_start
    from open_deals
    inner join next_steps
        on
            open_deals.opportunity_id = next_steps.opportunity_id
            and open_deals.week_end >= next_steps.changed_date
            and (
                open_deals.week_end < next_steps.next_changed_date
                or next_steps.next_changed_date is null
            )
    where trim(next_steps.next_step) <> ''
),

deal_weeks as (
    select
        open_deals.*,
        activity_data.has_activities,
        coalesce(engaged.contact_count, 0) as contact_count,
        coalesce(pushed.push_count, 0) as push_count,
        coalesce(pushed.push_count_of_week, 0) as push_count_of_week,
        planned.opportunity_id is not null as has_next_step
    from open_deals
    cross join activity_data
    left join engaged
        on
            open_deals.opportunity_id = engaged.opportunity_id
            and open_deals.week_start = engaged.week_start
    left join pushed
        on
            open_deals.opportunity_id = pushed.opportunity_id
            and open_deals.week_start = pushed.week_start
    left join planned
        on
            open_deals.opportunity_id = planned.opportunity_id
            and open_deals.week_start = planned.week_start
),

-- Visits count when they end, for whoever owned the deal on the day on which they began.
finished_visits as (
    select
        weeks.week_start,
        opportunity_days.owner_user_id as user_id,
        stage_spans.stage,
        stage_spans.days_in_stage,
        case
            when following.is_won or following.is_open and following.stage_order > held.stage_order
                then 1
            else 0
        end as has_led_on
    from stage_spans
    inner join opportunities on stage_spans.opportunity_id = opportunities.opportunity_id
    inner join stages as held on stage_spans.stage = held.stage
    inner join stages as following on stage_spans.next_stage = following.stage
    inner join weeks
        on cast(stage_spans.exited_at as date) between weeks.week_start and weeks.week_end
    inner join opportunity_days
        on
            stage_spans.opportunity_id = opportunity_days.opportunity_id
            and cast(stage_spans.entered_at as date) = opportunity_days.date_day
    where held.is_open
),

-- What one week adds to the numerator, the denominator and the number of cases.
weekly as (
    select
        sellers.week_start,
        sellers.user_id,
        'activities' as behaviour,
        {{ no_segment() }} as stage,
        coalesce(outreach.activity_count, 0) as numerator,
        1 as denominator,
        1 as sample_count
    from sellers
    left join outreach
        on
            sellers.user_id = outreach.user_id
            and sellers.week_start = outreach.week_start
    union all
    select
        sellers.week_start,
        sellers.user_id,
        'meetings_held' as behaviour,
        {{ no_segment() }} as stage,
        coalesce(outreach.meeting_count, 0) as numerator,
        1 as denominator,
        1 as sample_count
    from sellers
    left join outreach
        on
            sellers.user_id = outreach.user_id
            and sellers.week_start = outreach.week_start
    union all
    select
        week_start,
        user_id,
        'reply_within_a_day' as behaviour,
        {{ no_segment() }} as stage,
        answered_count as numerator,
        mail_count as denominator,
        mail_count as sample_count
    from replies
    union all
    select
        week_start,
        user_id,
        'contacts_engaged' as behaviour,
        {{ no_segment() }} as stage,
        sum(contact_count) as numerator,
        count(*) as denominator,
        count(*) as sample_count
    from deal_weeks
    where has_activities
    group by week_start, user_id
    union all
    select
        week_start,
        user_id,
        'next_step_set' as behaviour,
        {{ no_segment() }} as stage,
        sum(case when has_next_step then 1 else 0 end) as numerator,
        count(*) as denominator,
        count(*) as sample_count
    from deal_weeks
    where has_next_steps
    group by week_start, user_id
    union all
    select
        week_start,
        user_id,
        'pushes' as behaviour,
        {{ no_segment() }} as stage,
        sum(push_count_of_week) as numerator,
        count(*) as denominator,
        count(*) as sample_count
    from deal_weeks
    group by week_start, user_id
    union all
    select
        week_start,
        user_id,
        'stage_conversion' as behaviour,
        stage,
        sum(has_led_on) as numerator,
        count(*) as denominator,
        count(*) as sample_count
    from finished_visits
    group by week_start, user_id, stage
    union all
    select
        week_start,
        user_id,
        'stage_duration' as behaviour,
        stage,
        sum(days_in_stage) as numerator,
        count(*) as denominator,
        count(*) as sample_count
    from finished_visits
    group by week_start, user_id, stage
    union all
    select
        weeks.week_start,
        opportunities.owner_user_id as user_id,
        'discount' as behaviour,
        {{ no_segment() }} as stage,
        sum(opportunity_lines.discount_rate) as numerator,
        count(*) as denominator,
        count(*) as sample_count
    from opportunities
    inner join weeks on opportunities.close_date between weeks.week_start and weeks.week_end
    inner join opportunity_lines
        on opportunities.opportunity_id = opportunity_lines.opportunity_id
    where opportunities.is_won and opportunity_lines.discount_rate is not null
    group by weeks.week_start, opportunities.owner_user_id
    union all
    select
        weeks.week_start,
        conversations.user_id,
        'talk_ratio' as behaviour,
        {{ no_segment() }} as stage,
        sum(conversations.talk_ratio) as numerator,
        count(*) as denominator,
        count(*) as sample_count
    from conversations
    inner join weeks on conversations.occurred_date between weeks.week_start and weeks.week_end
    where conversations.talk_ratio is not null
    group by weeks.week_start, conversations.user_id
    union all
    select
        weeks.week_start,
        conversations.user_id,
        'questions' as behaviour,
        {{ no_segment() }} as stage,
        sum(conversations.question_count) as numerator,
        sum(conversations.duration_seconds) / 3600.0 as denominator,
        count(*) as sample_count
    from conversations
    inner join weeks on conversations.occurred_date between weeks.week_start and weeks.week_end
    where conversations.question_count is not null and conversations.duration_seconds > 0
    group by weeks.week_start, conversations.user_id
),

touched as (
    {%- for touches, condition in {
        "open": "true",
        "late_stage": "stage in ('Proposal', 'Negotiation')",
        "pushed": "push_count > 0",
        "single_threaded": "has_activities and contact_count < 2",
        "without_next_step": "has_next_steps and not has_next_step"
    }.items() %}
    select
        week_start,
        user_id,
        '{{ touches }}' as touches,
        {{ no_segment() }} as stage,
        sum(case when {{ condition }} then 1 else 0 end) as open_deal_count
    from deal_weeks
    group by week_start, user_id
    union all
    {%- endfor %}
    select
        week_start,
        user_id,
        'in_stage' as touches,
        stage,
        count(*) as open_deal_count
    from deal_weeks
    group by week_start, user_id, stage
),

-- A window is whole: whoever was hired within it is not judged yet. Sums are rounded before they
-- are divided, because the last digits of a sum of shares depend on the order of its rows.
windowed as (
    select
        weeks.week_start,
        weeks.week_end,
        weeks.as_of_date,
        sellers.user_id,
        weekly.behaviour,
        weekly.stage,
        gaps.touches,
        cast(sum(weekly.numerator) as decimal(18, 4)) as numerator,
        cast(sum(weekly.denominator) as decimal(18, 4)) as denominator,
        sum(weekly.sample_count) as sample_count
    from weeks
    inner join sellers on weeks.week_start = sellers.week_start
    inner join weekly on sellers.user_id = weekly.user_id
    inner join gaps
        on
            weekly.behaviour = gaps.behaviour
            and weeks.week_start >= weekly.week_start
            and {{ days_after('-7 * gaps.window_weeks', 'weeks.week_start') }}
            < weekly.week_start
    where
        weeks.week_age <= {{ weeks_shown }}
        and (
            sellers.hired_on is null
            or sellers.hired_on
            <= {{ days_after('-7 * (gaps.window_weeks - 1)', 'weeks.week_start') }}
        )
    group by
        weeks.week_start,
        weeks.week_end,
        weeks.as_of_date,
        sellers.user_id,
        weekly.behaviour,
        weekly.stage,
        gaps.touches
),

final as (
    select
        windowed.user_id,
        windowed.week_start,
        windowed.week_end,
        windowed.behaviour,
        windowed.stage,
        windowed.numerator,
        windowed.denominator,
        cast(windowed.sample_count as bigint) as sample_count,
        {{ rate('windowed.numerator', 'windowed.denominator') }} as value,
        cast(coalesce(touched.open_deal_count, 0) as bigint) as open_deal_count,
        windowed.as_of_date
    from windowed
    left join touched
        on
            windowed.user_id = touched.user_id
            and windowed.week_start = touched.week_start
            and windowed.touches = touched.touches
            and coalesce(windowed.stage, '') = coalesce(touched.stage, '')
)

select * from final
order by week_start, user_id, behaviour, stage
