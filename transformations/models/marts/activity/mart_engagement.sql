{#- What may follow an activity, and the rows of which outcomes it is counted in. -#}
{%- set counts = [
    'activity_count',
    'reply_base_count', 'replied_count', 'reply_immature_count',
    'call_count', 'connected_count',
    'booked_count', 'held_count', 'cancelled_count', 'no_show_count',
    'next_step_base_count', 'next_step_count', 'next_step_immature_count',
    'stage_base_count', 'stage_forward_count', 'stage_immature_count'
] -%}

with

reporting_periods as (
    select * from {{ ref('mart_reporting_period') }}
),

dates as (
    select * from {{ ref('dim_date') }}
),

all_activities as (
    select * from {{ ref('fct_activity') }}
    where activity_type in ('email', 'call', 'meeting', 'event')
),

actions as (
    select * from {{ ref('fct_conversation_action') }}
),

matches as (
    select * from {{ ref('bridge_activity_opportunity') }}
),

opportunities as (
    select * from {{ ref('fct_opportunity') }}
),

changes as (
    select * from {{ ref('fct_opportunity_event') }}
),

stage_spans as (
    select * from {{ ref('fct_opportunity_stage_span') }}
),

canonical_stages as (
    select * from {{ ref('canonical_stages') }}
),

leads as (
    select * from {{ ref('dim_lead') }}
    where is_current and is_converted
),

accounts as (
    select * from {{ ref('dim_account') }}
    where is_current
),

users as (
    select * from {{ ref('dim_user') }}
    where is_current
),

segment_types as (
    {{ segment_types() }}
),

windows as (
    select
        max(case when outcome = 'reply' then window_days end) as reply_days,
        max(case when outcome = 'next_step' then window_days end) as next_step_days,
        max(case when outcome = 'stage_forward' then window_days end) as stage_forward_days
    from {{ ref('engagement_windows') }}
),

-- a lead that was converted and its contact are one person
activities as (
    select
        all_activities.activity_id,
        all_activities.activity_type,
        all_activities.activity_subtype,
        all_activities.channel,
        coalesce(all_activities.direction, 'unknown') as direction,
        all_activities.occurred_at,
        all_activities.occurred_date,
        all_activities.outcome,
        all_activities.thread_id,
        all_activities.user_id,
        coalesce(all_activities.is_automated, false) as is_automated,
        coalesce(
            all_activities.person_contact_id,
            leads.converted_contact_id,
            all_activities.person_lead_id
        ) as person_id,
        matches.opportunity_id,
        coalesce(opportunities.account_id, all_activities.account_id) as account_id,
        opportunities.opportunity_type
    from all_activities
    left join leads
        on all_activities.person_lead_id = leads.lead_id
    left join matches
        on all_activities.activity_id = matches.activity_id
    left join opportunities
        on matches.opportunity_id = opportunities.opportunity_id
),

-- at the same instant what comes in stands before what goes out: it is no answer to it
ordered as (
    select
        *,
        case when direction = 'inbound' then 0 else 1 end as direction_order,
        case when activity_type = 'email' and direction = 'inbound' then occurred_at end
            as written_to_us_at,
        case
            when activity_type in ('email', 'call') and direction = 'outbound' then 1 else 0
        end as is_outreach
    from activities
),

beside_thread as (
    select
        activity_id,
        min(written_to_us_at) over (
            partition by thread_id
            order by occurred_at, direction_order, activity_id
            rows between 1 following and unbounded following
        ) as replied_at,
        count(written_to_us_at) over (
            partition by thread_id
            order by occurred_at, direction_order, activity_id
            rows between unbounded preceding and 1 preceding
        ) as written_to_us_count
    from ordered
    where activity_type = 'email' and thread_id is not null
),

beside_person as (
    select
        activity_id,
        min(written_to_us_at) over (
            partition by person_id
            order by occurred_at, direction_order, activity_id
            rows between 1 following and unbounded following
        ) as replied_at,
        coalesce(
            sum(is_outreach) over (
                partition by person_id
                order by occurred_at, direction_order, activity_id
                rows between unbounded preceding and 1 preceding
            ), 0
        ) as outreach_before_count
    from ordered
    where person_id is not null
),

-- the next time that the deal entered a later stage, or was won, after each of its stays
stays as (
    select
        stage_spans.opportunity_id,
        stage_spans.entered_at,
        stage_spans.exited_at,
        stage_spans.is_open_stage,
        min(
            case
                when
                    stage_spans.span_number > 1
                    and (stage_spans.is_open_stage or canonical_stages.is_won)
                    and not stage_spans.is_regression
                    and not stage_spans.is_reopen
                    then stage_spans.entered_at
            end
        ) over (
            partition by stage_spans.opportunity_id
            order by stage_spans.span_number
            rows between 1 following and unbounded following
        ) as forward_at
    from stage_spans
    left join canonical_stages
        on stage_spans.stage = canonical_stages.stage
),

-- what shows that a next step was agreed: of the deal and of the person
next_step_signs as (
    select
        opportunity_id,
        cast(null as {{ dbt.type_string() }}) as person_id,
        changed_at as sign_at
    from changes
    where field = 'next_step' and new_value is not null
    union all
    select
        opportunity_id,
        person_id,
        occurred_at as sign_at
    from activities
    where activity_type in ('meeting', 'event') and direction <> 'internal'
),

bounded as (
    select
        ordered.*,
        cast({{ dbt.dateadd('day', 'windows.reply_days', 'ordered.occurred_at') }} as timestamp)
            as reply_until,
        cast({{ dbt.dateadd('day', 'windows.next_step_days', 'ordered.occurred_at') }} as timestamp)
            as next_step_until,
        cast(
            {{ dbt.dateadd('day', 'windows.stage_forward_days', 'ordered.occurred_at') }}
            as timestamp
        ) as stage_forward_until,
        {{ has_taken_place() }} as has_taken_place,
        {{ is_two_way() }} as is_two_way
    from ordered
    cross join windows
),

conversations as (
    select * from bounded
    where
        activity_type in ('call', 'meeting', 'event')
        and is_two_way
        and direction <> 'internal'
),

agreed as (
    select conversations.activity_id
    from conversations
    inner join actions
        on conversations.activity_id = actions.activity_id
    where actions.created_at <= conversations.next_step_until
    union
    select conversations.activity_id
    from conversations
    inner join next_step_signs
        on conversations.opportunity_id = next_step_signs.opportunity_id
    where
        next_step_signs.sign_at > conversations.occurred_at
        and next_step_signs.sign_at <= conversations.next_step_until
    union
    select conversations.activity_id
    from conversations
    inner join next_step_signs
        on conversations.person_id = next_step_signs.person_id
    where
        next_step_signs.sign_at > conversations.occurred_at
        and next_step_signs.sign_at <= conversations.next_step_until
),

judged as (
    select
        bounded.*,
        case
            when bounded.direction = 'internal' then 'internal'
            when bounded.activity_type in ('meeting', 'event')
                then coalesce(bounded.activity_subtype, 'unspecified')
            when bounded.direction = 'inbound' then 'inbound'
            when bounded.person_id is null then 'unknown_person'
            when beside_person.outreach_before_count = 0 then 'first_contact'
            when beside_thread.written_to_us_count > 0 then 'answer'
            else 'follow_up'
        end as engagement_type,
        bounded.activity_type = 'email' and bounded.direction = 'outbound' as may_be_replied,
        coalesce(
            beside_thread.replied_at <= bounded.reply_until
            or beside_person.replied_at <= bounded.reply_until,
            false
        ) as is_replied,
        bounded.reply_until >= {{ as_of_end() }} as is_reply_immature,
        bounded.activity_type = 'call' and bounded.direction <> 'internal' as is_call,
        bounded.activity_type in ('meeting', 'event') as is_meeting,
        lower(replace(bounded.outcome, '_', ' ')) = 'no show' as is_no_show,
        conversations.activity_id is not null as is_conversation,
        agreed.activity_id is not null as is_agreed,
        bounded.next_step_until >= {{ as_of_end() }} as is_next_step_immature,
        stays.opportunity_id is not null and bounded.has_taken_place as may_move_forward,
        coalesce(stays.forward_at <= bounded.stage_forward_until, false) as is_moved_forward,
        bounded.stage_forward_until >= {{ as_of_end() }} as is_stage_immature
    from bounded
    left join beside_thread
        on bounded.activity_id = beside_thread.activity_id
    left join beside_person
        on bounded.activity_id = beside_person.activity_id
    left join conversations
        on bounded.activity_id = conversations.activity_id
    left join agreed
        on bounded.activity_id = agreed.activity_id
    left join stays
        on
            bounded.opportunity_id = stays.opportunity_id
            and stays.is_open_stage
            and bounded.occurred_at >= stays.entered_at
            and bounded.occurred_at < coalesce(stays.exited_at, {{ as_of_end() }})
),

placed as (
    select
        judged.*,
        {{ segment_columns('judged.opportunity_type') }}
    from judged
    left join accounts on judged.account_id = accounts.account_id
    left join users on judged.user_id = users.user_id
),

-- every count is a sum of zeros and ones
scored as (
    select
        *,
        1 as activity_count,
        case when may_be_replied and not is_reply_immature then 1 else 0 end as reply_base_count,
        case when may_be_replied and not is_reply_immature and is_replied then 1 else 0 end
            as replied_count,
        case when may_be_replied and is_reply_immature then 1 else 0 end as reply_immature_count,
        case when is_call then 1 else 0 end as call_count,
        case when is_call and is_two_way then 1 else 0 end as connected_count,
        case when is_meeting then 1 else 0 end as booked_count,
        case when is_meeting and is_two_way then 1 else 0 end as held_count,
        case when is_meeting and not has_taken_place then 1 else 0 end as cancelled_count,
        case when is_meeting and is_no_show then 1 else 0 end as no_show_count,
        case when is_conversation and not is_next_step_immature then 1 else 0 end
            as next_step_base_count,
        case when is_conversation and not is_next_step_immature and is_agreed then 1 else 0 end
            as next_step_count,
        case when is_conversation and is_next_step_immature then 1 else 0 end
            as next_step_immature_count,
        case when may_move_forward and not is_stage_immature then 1 else 0 end as stage_base_count,
        case when may_move_forward and not is_stage_immature and is_moved_forward then 1 else 0 end
            as stage_forward_count,
        case when may_move_forward and is_stage_immature then 1 else 0 end as stage_immature_count
    from placed
),

by_day as (
    select
        {%- for count in counts %}
        sum({{ count }}) as {{ count }},
        {%- endfor %}
        channel,
        activity_type,
        engagement_type,
        is_automated,
        account_segment,
        region,
        sales_region,
        deal_type,
        team,
        occurred_date
    from scored
    group by
        channel,
        activity_type,
        engagement_type,
        is_automated,
        account_segment,
        region,
        sales_region,
        deal_type,
        team,
        occurred_date
),

segmented as (
    select
        {%- for count in counts %}
        by_day.{{ count }},
        {%- endfor %}
        by_day.channel,
        by_day.activity_type,
        by_day.engagement_type,
        by_day.is_automated,
        segment_types.segment_type,
        {{ segment() }} as segment,
        by_day.occurred_date
    from by_day
    cross join segment_types
),

by_segment_and_day as (
    select
        {%- for count in counts %}
        sum({{ count }}) as {{ count }},
        {%- endfor %}
        channel,
        activity_type,
        engagement_type,
        is_automated,
        segment_type,
        segment,
        occurred_date
    from segmented
    group by
        channel,
        activity_type,
        engagement_type,
        is_automated,
        segment_type,
        segment,
        occurred_date
),

period_days as (
    select
        reporting_periods.period_type,
        reporting_periods.period_start,
        dates.date_day
    from reporting_periods
    inner join dates
        on
            dates.date_day
            between reporting_periods.period_start and reporting_periods.period_to_date
),

totals as (
    select
        {%- for count in counts %}
        cast(sum(by_segment_and_day.{{ count }}) as bigint) as {{ count }},
        {%- endfor %}
        by_segment_and_day.channel,
        by_segment_and_day.activity_type,
        by_segment_and_day.engagement_type,
        by_segment_and_day.is_automated,
        by_segment_and_day.segment_type,
        by_segment_and_day.segment,
        period_days.period_type,
        period_days.period_start
    from by_segment_and_day
    inner join period_days
        on by_segment_and_day.occurred_date = period_days.date_day
    group by
        by_segment_and_day.channel,
        by_segment_and_day.activity_type,
        by_segment_and_day.engagement_type,
        by_segment_and_day.is_automated,
        by_segment_and_day.segment_type,
        by_segment_and_day.segment,
        period_days.period_type,
        period_days.period_start
),

final as (
    select
        reporting_periods.period_type,
        reporting_periods.period_name,
        reporting_periods.period_start,
        reporting_periods.period_end,
        reporting_periods.is_complete_period,
        totals.segment_type,
        totals.segment,
        totals.channel,
        totals.activity_type,
        totals.engagement_type,
        totals.is_automated,
        totals.activity_count,
        totals.reply_base_count,
        totals.replied_count,
        {{ rate('totals.replied_count', 'totals.reply_base_count') }} as reply_rate,
        totals.reply_immature_count,
        totals.call_count,
        totals.connected_count,
        {{ rate('totals.connected_count', 'totals.call_count') }} as connect_rate,
        totals.booked_count,
        totals.held_count,
        totals.cancelled_count,
        totals.no_show_count,
        {{ rate('totals.held_count', 'totals.booked_count') }} as held_rate,
        {{ rate('totals.cancelled_count', 'totals.booked_count') }} as cancelled_rate,
        {{ rate('totals.no_show_count', 'totals.booked_count') }} as no_show_rate,
        totals.next_step_base_count,
        totals.next_step_count,
        {{ rate('totals.next_step_count', 'totals.next_step_base_count') }} as next_step_rate,
        totals.next_step_immature_count,
        totals.stage_base_count,
        totals.stage_forward_count,
        {{ rate('totals.stage_forward_count', 'totals.stage_base_count') }}
            as stage_forward_rate,
        totals.stage_immature_count,
        windows.reply_days as reply_window_days,
        windows.next_step_days as next_step_window_days,
        windows.stage_forward_days as stage_forward_window_days,
        reporting_periods.as_of_date
    from totals
    inner join reporting_periods
        on
            totals.period_type = reporting_periods.period_type
            and totals.period_start = reporting_periods.period_start
    cross join windows
)

select * from final
order by
    period_start, period_type, segment_type, segment, channel, activity_type, engagement_type
