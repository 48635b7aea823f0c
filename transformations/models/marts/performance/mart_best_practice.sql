with

opportunities as (
    select * from {{ ref('fct_opportunity') }}
    where not is_deleted and is_eligible_for_win_rate
),

accounts as (
    select * from {{ ref('dim_account') }}
    where is_current
),

users as (
    select * from {{ ref('dim_user') }}
    where is_current and role = 'AE'
),

quotas as (
    select * from {{ ref('mart_quota_attainment') }}
    where measure = 'bookings'
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

events as (
    select * from {{ ref('fct_opportunity_event') }}
),

opportunity_lines as (
    select * from {{ ref('fct_opportunity_line') }}
    where not is_deleted
),

rules as (
    select * from {{ ref('best_practice_rules') }}
),

clock as (
    select {{ as_of_date() }} as as_of_date
),

-- Deals decided in the window, of account executives.
deals as (
    select
        opportunities.opportunity_id,
        opportunities.owner_user_id as user_id,
        opportunities.opportunity_type,
        opportunities.source_system,
        coalesce(accounts.segment, 'Unknown') as segment,
        opportunities.created_at,
        {{ days_after('rules.landmark_days', 'opportunities.created_date') }} as landmark_date,
        coalesce(opportunities.days_to_close >= rules.landmark_days, false) as has_landmark,
        case when opportunities.is_won then 1.0 else 0.0 end as won
    from opportunities
    inner join users on opportunities.owner_user_id = users.user_id
    cross join rules
    cross join clock
    left join accounts on opportunities.account_id = accounts.account_id
    where
        opportunities.close_date <= clock.as_of_date
        and {{ dbt.datediff('opportunities.close_date', 'clock.as_of_date', 'day') }}
        < rules.window_days
),

expected as (
    select
        *,
        avg(won) over (partition by segment, opportunity_type) as expected_won
    from deals
),

attained as (
    select
        quotas.user_id,
        sum(cast(quotas.attained_amount as double))
        / nullif(sum(cast(quotas.quota_amount as double)), 0) as attainment
    from quotas
    cross join rules
    cross join clock
    where
        quotas.period_end <= clock.as_of_date
        and {{ dbt.datediff('quotas.period_end', 'clock.as_of_date', 'day') }}
        < rules.window_days
    group by quotas.user_id
),

performances as (
    select
        expected.user_id,
        case max(rules.performance_measure)
            when 'win_rate' then sum(expected.won) / nullif(sum(expected.expected_won), 0)
            when 'attainment' then max(attained.attainment)
        end as performance
    from expected
    cross join rules
    left join attained on expected.user_id = attained.user_id
    group by expected.user_id
    having count(*) >= max(rules.minimum_deals)
),

ranked as (
    select
        user_id,
        rank() over (order by performance desc) as place,
        count(*) over () as user_count
    from performances
    where performance is not null
),

groups as (
    select
        ranked.user_id,
        ranked.place <= ceil(ranked.user_count * rules.top_share) as is_top
    from ranked
    cross join rules
),

judged_deals as (
    select
        deals.*,
        groups.is_top
    from deals
    inner join groups on deals.user_id = groups.user_id
),

kept_by_source as (
    select
        judged_deals.source_system,
        count(events.new_value) > 0 as has_next_steps
    from judged_deals
    left join events
        on
            judged_deals.opportunity_id = events.opportunity_id
            and events.field = 'next_step'
    group by judged_deals.source_system
),

activity_data as (
    select count(*) > 0 as has_activities
    from activities
),

early_activities as (
    select
        judged_deals.opportunity_id,
        count(case when coalesce(activities.direction <> 'inbound', true) then 1 end)
            as activity_count,
        count(case when activities.activity_type = 'meeting' and activities.is_two_way then 1 end)
            as meeting_count,
        count(distinct case when activities.is_two_way then activities.person_contact_id end)
            as contact_count
    from judged_deals
    inner join activity_matches
        on judged_deals.opportunity_id = activity_matches.opportunity_id
    inner join activities
        on
            activity_matches.activity_id = activities.activity_id
            and judged_deals.landmark_date > activities.occurred_date
    group by judged_deals.opportunity_id
),

early_conversations as (
    select
        judged_deals.opportunity_id,
        avg(conversations.talk_ratio) as talk_ratio,
        sum(
            case when conversations.duration_seconds > 0 then conversations.question_count end
        ) as question_count,
        sum(
            case
                when conversations.question_count is not null then conversations.duration_seconds
            end
        ) as duration_seconds
    from judged_deals
    inner join activity_matches
        on judged_deals.opportunity_id = activity_matches.opportunity_id
    inner join conversations
        on
            activity_matches.activity_id = conversations.activity_id
            and judged_deals.landmark_date > conversations.occurred_date
    group by judged_deals.opportunity_id
),

early_events as (
    select
        judged_deals.opportunity_id,
        count(
            case when events.field = 'next_step' and trim(events.new_value) <> '' then 1 end
        ) as next_step_count,
        count(
            case when events.field = 'close_date' and events.new_value > events.old_value then 1 end
        ) as push_count
    from judged_deals
    inner join events
        on
            judged_deals.opportunity_id = events.opportunity_id
            and judged_deals.landmark_date > cast(events.changed_at as date)
    group by judged_deals.opportunity_id
),

discounts as (
    select
        opportunity_id,
        avg(cast(discount_rate as double)) as discount_rate
    from opportunity_lines
    group by opportunity_id
),

measured as (
    select
        judged_deals.*,
        case
            when judged_deals.has_landmark and activity_data.has_activities
                then coalesce(early_activities.activity_count, 0)
        end as activities,
        case
            when judged_deals.has_landmark and activity_data.has_activities
                then coalesce(early_activities.meeting_count, 0)
        end as meetings_held,
        case
            when judged_deals.has_landmark and activity_data.has_activities
                then coalesce(early_activities.contact_count, 0)
        end as contacts_engaged,
        case
            when judged_deals.has_landmark and kept_by_source.has_next_steps
                then case when early_events.next_step_count > 0 then 1 else 0 end
        end as next_step_set,
        case
            when judged_deals.has_landmark
                then case when early_events.push_count > 0 then 1 else 0 end
        end as pushed,
        case when judged_deals.has_landmark then early_conversations.talk_ratio end as talk_ratio,
        case
            when judged_deals.has_landmark
                then
                    early_conversations.question_count * 3600.0
                    / nullif(early_conversations.duration_seconds, 0)
        end as questions,
        discounts.discount_rate as discount
    from judged_deals
    cross join activity_data
    inner join kept_by_source on judged_deals.source_system = kept_by_source.source_system
    left join early_activities on judged_deals.opportunity_id = early_activities.opportunity_id
    left join early_conversations
        on judged_deals.opportunity_id = early_conversations.opportunity_id
    left join early_events on judged_deals.opportunity_id = early_events.opportunity_id
    left join discounts on judged_deals.opportunity_id = discounts.opportunity_id
),

observed as (
    {%- for behaviour in [
        "activities", "contacts_engaged", "discount", "meetings_held", "next_step_set", "pushed",
        "questions", "talk_ratio"
    ] %}
    {%- if not loop.first %}
    union all
    {%- endif %}
    select
        user_id,
        is_top,
        segment,
        '{{ behaviour }}' as behaviour,
        cast({{ behaviour }} as double) as value
    from measured
    where {{ behaviour }} is not null
    {%- endfor %}
),

-- What is usual in the size class of the account is taken off, so that sellers with other accounts
-- can be compared.
adjusted as (
    select
        *,
        value - avg(value) over (partition by behaviour, segment) as deviation,
        avg(value) over (partition by behaviour) as usual_value,
        avg(value) over (partition by behaviour, segment) as usual_value_of_segment
    from observed
),

-- A seller is one observation, however many deals they had: deals of one seller are alike.
by_user as (
    select
        user_id,
        is_top,
        behaviour,
        'All' as segment,
        count(*) as deal_count,
        avg(deviation) + max(usual_value) as value
    from adjusted
    group by user_id, is_top, behaviour
    union all
    select
        user_id,
        is_top,
        behaviour,
        segment,
        count(*) as deal_count,
        avg(deviation) + max(usual_value_of_segment) as value
    from adjusted
    group by user_id, is_top, behaviour, segment
),

summarised as (
    select
        behaviour,
        segment,
        {%- for name, holds in {"top": "is_top", "other": "not is_top"}.items() %}
        count(case when {{ holds }} then 1 end) as {{ name }}_user_count,
        coalesce(sum(case when {{ holds }} then deal_count end), 0) as {{ name }}_deal_count,
        avg(case when {{ holds }} then value end) as {{ name }}_mean,
        var_samp(case when {{ holds }} then value end) as {{ name }}_variance,
        {%- endfor %}
        avg(value) as mean_value
    from by_user
    group by behaviour, segment
),

compared as (
    select
        summarised.*,
        rules.false_discovery_rate,
        rules.performance_measure,
        rules.landmark_days,
        rules.window_days,
        summarised.top_mean - summarised.other_mean as difference,
        sqrt(
            summarised.top_variance / summarised.top_user_count
            + summarised.other_variance / summarised.other_user_count
        ) as standard_error,
        sqrt(
            (
                (summarised.top_user_count - 1) * summarised.top_variance
                + (summarised.other_user_count - 1) * summarised.other_variance
            ) / (summarised.top_user_count + summarised.other_user_count - 2)
        ) as pooled_sd,
        {{ welch_degrees_of_freedom(
            'summarised.top_variance', 'summarised.top_user_count',
            'summarised.other_variance', 'summarised.other_user_count'
        ) }} as degrees_of_freedom
    from summarised
    cross join rules
    where
        summarised.top_user_count >= greatest(rules.minimum_users, 2)
        and summarised.other_user_count >= greatest(rules.minimum_users, 2)
),

-- what rounding leaves of equal values is no spread
tested as (
    select
        *,
        case when standard_error > 0.000000001 then difference / standard_error end as t_statistic,
        case when standard_error > 0.000000001 then difference / pooled_sd end as effect_size,
        case
            when standard_error > 0.000000001
                then standard_error * {{ student_95('degrees_of_freedom') }}
        end as half_width
    from compared
),

judged as (
    select
        *,
        {{ student_p_value('t_statistic', 'degrees_of_freedom') }} as p_value
    from tested
),

-- Benjamini and Hochberg over the behaviours of a segment.
placed as (
    select
        *,
        count(p_value) over (partition by segment) as test_count,
        row_number() over (
            partition by segment
            order by case when p_value is null then 1 else 0 end, p_value, behaviour
        ) as p_place
    from judged
),

corrected as (
    select
        *,
        least(
            min(p_value * test_count / p_place) over (
                partition by segment
                order by p_place
                rows between current row and unbounded following
            ),
            1
        ) as p_value_of_the_rest
    from placed
),

final as (
    select
        corrected.behaviour,
        corrected.segment,
        'user' as unit_of_analysis,
        cast(corrected.top_user_count as bigint) as top_user_count,
        cast(corrected.other_user_count as bigint) as other_user_count,
        cast(corrected.top_deal_count as bigint) as top_deal_count,
        cast(corrected.other_deal_count as bigint) as other_deal_count,
        cast(corrected.top_mean as decimal(18, 6)) as top_mean,
        cast(corrected.other_mean as decimal(18, 6)) as other_mean,
        cast(corrected.difference as decimal(18, 6)) as difference,
        cast(corrected.difference - corrected.half_width as decimal(18, 6)) as difference_low,
        cast(corrected.difference + corrected.half_width as decimal(18, 6)) as difference_high,
        cast(corrected.effect_size as decimal(18, 6)) as effect_size,
        cast(corrected.t_statistic as decimal(18, 6)) as t_statistic,
        cast(corrected.degrees_of_freedom as decimal(18, 4)) as degrees_of_freedom,
        cast(corrected.p_value as decimal(18, 6)) as p_value,
        case
            when corrected.p_value is not null
                then cast(corrected.p_value_of_the_rest as decimal(18, 6))
        end as p_value_adjusted,
        cast(corrected.test_count as bigint) as test_count,
        case
            when corrected.p_value is not null
                then corrected.p_value_of_the_rest <= corrected.false_discovery_rate
        end as is_significant,
        corrected.performance_measure,
        corrected.landmark_days,
        {{ days_after('1 - corrected.window_days', 'clock.as_of_date') }} as window_start,
        'observational' as evidence,
        clock.as_of_date
    from corrected
    cross join clock
)

select * from final
order by segment, behaviour
