-- One row per KPI, node and week: what had been recorded by the end of the week's own evening, so
-- that every week is as incomplete as the one that is judged. Week 0 ends with the as-of date, week
-- 1 seven days before. A deal, an activity and a lead belong to who owned them, and to the teams
-- that the owner was in, at the end of the week.
with

clock as (
    select
        cast($as_of as date) as as_of_date,
        cast(cast($as_of as date) + 1 as timestamp) as as_of_end
),

weeks as (
    select
        cast(range as integer) as week,
        clock.as_of_date - cast(7 * range as integer) as last_day,
        clock.as_of_end - to_days(cast(7 * range as integer)) as week_end
    from range(0, $weeks)
    cross join clock
),

stages as (
    select
        stage,
        min(stage_order) as stage_order,
        bool_or(is_open) as is_open,
        bool_or(is_won) as is_won
    from core.dim_stage
    where stage is not null
    group by stage
),

-- week by arithmetic instead of a range join: these are the large tables
events as (
    select
        events.*,
        weeks.week,
        weeks.week_end
    from core.fct_opportunity_event as events
    cross join clock
    inner join weeks
        on date_diff('day', cast(events.changed_at as date), clock.as_of_date) // 7 = weeks.week
    where
        events.changed_at < clock.as_of_end
        and events.recorded_at < weeks.week_end
        and events.field in ('stage', 'close_date')
),

stage_events as (
    select
        events.opportunity_id,
        events.week,
        events.changed_at,
        stages.stage_order,
        stages.is_open,
        stages.is_won,
        lag(stages.stage_order) over deal as previous_order,
        lag(stages.is_open) over deal as was_open
    from events
    inner join stages on events.new_value = stages.stage
    where events.field = 'stage'
    window deal as (
        partition by events.opportunity_id
        order by events.changed_at, events.recorded_at, events.change_id
    )
),

closings as (
    select
        opportunity_id,
        min(changed_at) as closed_at
    from stage_events
    where not is_open
    group by opportunity_id
),

close_date_moves as (
    select
        opportunity_id,
        week,
        changed_at,
        try_cast(new_value as date) as close_date,
        lag(try_cast(new_value as date)) over (
            partition by opportunity_id
            order by changed_at, recorded_at, change_id
        ) as previous_close_date
    from events
    where field = 'close_date'
),

deal_moves as (
    select
        opportunity_id,
        week,
        case
            when previous_order is null and is_open then 'created'
            when not is_open and is_won and coalesce(was_open, true) then 'won'
            when not is_open and coalesce(was_open, true) then 'lost'
            when is_open and was_open and stage_order > previous_order then 'advanced'
            when is_open and was_open and stage_order < previous_order then 'regressed'
        end as move
    from stage_events
    union all
    select
        close_date_moves.opportunity_id,
        close_date_moves.week,
        'pushed' as move
    from close_date_moves
    left join closings on close_date_moves.opportunity_id = closings.opportunity_id
    where
        close_date_moves.close_date > close_date_moves.previous_close_date
        and (closings.closed_at is null or close_date_moves.changed_at < closings.closed_at)
),

moved_deals as (
    select distinct
        opportunity_id,
        week
    from deal_moves
    where move is not null
),

-- the deal as it was known at the end of the week
deal_states as (
    select
        moved_deals.opportunity_id,
        moved_deals.week,
        arg_max_null(events.new_value, (events.changed_at, events.recorded_at, events.change_id))
            filter (where events.field = 'owner_user_id') as owner_user_id,
        arg_max_null(events.new_value, (events.changed_at, events.recorded_at, events.change_id))
            filter (where events.field = 'amount_local') as amount_local,
        coalesce(
            arg_max_null(
                events.new_value, (events.changed_at, events.recorded_at, events.change_id)
            ) filter (where events.field = 'is_deleted') = 'true', false
        ) as is_deleted
    from moved_deals
    inner join weeks on moved_deals.week = weeks.week
    inner join core.fct_opportunity_event as events
        on
            moved_deals.opportunity_id = events.opportunity_id
            and weeks.week_end > events.changed_at
            and weeks.week_end > events.recorded_at
    where events.field in ('owner_user_id', 'amount_local', 'is_deleted')
    group by moved_deals.opportunity_id, moved_deals.week
),

account_versions as (
    select
        account_id,
        segment,
        valid_from,
        coalesce(cast(valid_to as timestamp), timestamp '9999-12-31') as valid_until
    from core.dim_account
),

deals as (
    select
        deal_states.opportunity_id,
        deal_states.week,
        coalesce(deal_states.owner_user_id, 'unassigned') as user_id,
        account_versions.segment,
        coalesce(
            try_cast(deal_states.amount_local as double) * cast(rates.rate_to_corporate as double),
            0
        ) as amount
    from deal_states
    inner join weeks on deal_states.week = weeks.week
    inner join core.fct_opportunity as opportunities
        on deal_states.opportunity_id = opportunities.opportunity_id
    left join account_versions
        on
            opportunities.account_id = account_versions.account_id
            and weeks.week_end > account_versions.valid_from
            and weeks.week_end <= account_versions.valid_until
    left join core.fct_fx_rate as rates
        on
            opportunities.currency_code = rates.currency_code
            and weeks.last_day >= rates.valid_from
            and weeks.last_day < coalesce(rates.valid_to, date '9999-12-31')
    where not deal_states.is_deleted
),

deal_figures as (
    select
        deals.user_id,
        deals.segment,
        deals.week,
        count(*) filter (where deal_moves.move = 'created') as created_count,
        sum(deals.amount) filter (where deal_moves.move = 'created') as created_amount,
        count(*) filter (where deal_moves.move = 'won') as won_count,
        sum(deals.amount) filter (where deal_moves.move = 'won') as won_amount,
        count(*) filter (where deal_moves.move = 'lost') as lost_count,
        count(*) filter (where deal_moves.move = 'advanced') as advanced_count,
        count(*) filter (where deal_moves.move = 'regressed') as regressed_count,
        count(*) filter (where deal_moves.move = 'pushed') as pushed_count
    from deals
    inner join deal_moves
        on deals.opportunity_id = deal_moves.opportunity_id and deals.week = deal_moves.week
    group by deals.user_id, deals.segment, deals.week
),

-- of a line only its latest state is kept: one edited since the week is left out of it
discounts as (
    select
        deals.user_id,
        deals.segment,
        deals.week,
        sum(cast(lines.discount_rate as double)) as discount_sum,
        count(*) as line_count
    from deals
    inner join weeks on deals.week = weeks.week
    inner join (
        select distinct
            opportunity_id,
            week
        from deal_moves
        where move = 'won'
    ) as won
        on deals.opportunity_id = won.opportunity_id and deals.week = won.week
    inner join core.fct_opportunity_line as lines
        on
            deals.opportunity_id = lines.opportunity_id
            and weeks.week_end > lines.created_at
            and weeks.week_end > coalesce(lines.modified_at, lines.created_at)
    where not coalesce(lines.is_deleted, false) and lines.discount_rate is not null
    group by deals.user_id, deals.segment, deals.week
),

activity_figures as (
    select
        coalesce(activities.user_id, 'unassigned') as user_id,
        weeks.week,
        count(*) as activity_count,
        count(*) filter (
            where activities.direction = 'inbound' and activities.activity_type = 'email'
        ) as inbound_email_count,
        count(*) filter (
            where activities.activity_type in ('meeting', 'event')
            and coalesce(activities.outcome, 'held') not in ('cancelled', 'no_show')
        ) as meeting_held_count,
        count(*) filter (
            where activities.activity_type in ('meeting', 'event')
            and activities.outcome in ('cancelled', 'no_show')
        ) as meeting_missed_count,
        count(*) filter (
            where activities.activity_type = 'call' and activities.direction = 'outbound'
        ) as call_count,
        count(*) filter (
            where activities.activity_type = 'call' and activities.direction = 'outbound'
            and activities.outcome = 'connected'
        ) as call_connected_count
    from core.fct_activity as activities
    cross join clock
    inner join weeks
        on
            date_diff('day', cast(activities.occurred_at as date), clock.as_of_date) // 7
            = weeks.week
    where
        activities.occurred_at < clock.as_of_end
        and activities.recorded_at < weeks.week_end
        and not coalesce(activities.is_automated, false)
    group by all
),

lead_versions as (
    select
        lead_id,
        created_at,
        converted_at,
        lead_source,
        coalesce(owner_user_id, 'unassigned') as user_id,
        valid_from,
        coalesce(cast(valid_to as timestamp), timestamp '9999-12-31') as valid_until
    from core.dim_lead
    where created_at is not null and not coalesce(is_deleted, false)
),

first_answers as (
    select
        activities.person_lead_id as lead_id,
        min(activities.occurred_at) as answered_at,
        min(activities.recorded_at) as recorded_at
    from core.fct_activity as activities
    cross join clock
    where
        activities.person_lead_id is not null
        and activities.recorded_at < clock.as_of_end
        and not coalesce(activities.is_automated, false)
        and activities.activity_type in ('email', 'call', 'meeting', 'event', 'task')
        and coalesce(activities.direction, 'outbound') = 'outbound'
    group by activities.person_lead_id
),

-- a lead has three days to be answered in: it counts in the week in which they are over
lead_moves as (
    select distinct
        lead_id,
        'created' as move,
        created_at as moved_at,
        created_at
    from lead_versions
    union all
    select distinct
        lead_id,
        'due' as move,
        created_at + interval 3 day as moved_at,
        created_at
    from lead_versions
    union all
    select distinct
        lead_id,
        'converted' as move,
        converted_at as moved_at,
        created_at
    from lead_versions
    where converted_at is not null
),

lead_figures as (
    select
        lead_versions.user_id,
        lead_versions.lead_source as segment,
        weeks.week,
        count(*) filter (where lead_moves.move = 'created') as lead_count,
        count(*) filter (where lead_moves.move = 'converted') as converted_count,
        count(*) filter (where lead_moves.move = 'due') as due_count,
        count(*) filter (
            where lead_moves.move = 'due'
            and first_answers.answered_at < lead_moves.created_at + interval 3 day
            and first_answers.recorded_at < weeks.week_end
        ) as answered_count
    from lead_moves
    cross join clock
    inner join weeks
        on
            date_diff('day', cast(lead_moves.moved_at as date), clock.as_of_date) // 7
            = weeks.week
    inner join lead_versions
        on
            lead_moves.lead_id = lead_versions.lead_id
            and weeks.week_end > lead_versions.valid_from
            and weeks.week_end <= lead_versions.valid_until
    left join first_answers on lead_moves.lead_id = first_answers.lead_id
    where lead_moves.moved_at < clock.as_of_end
    group by all
),

figures as (
    select
        user_id,
        week,
        'account_segment' as segment_type,
        segment,
        unnest([
            {'metric': 'opportunities_created', 'numerator': created_count, 'denominator': null},
            {'metric': 'pipeline_created_amount', 'numerator': created_amount, 'denominator': null},
            {'metric': 'deals_won', 'numerator': won_count, 'denominator': null},
            {'metric': 'deals_lost', 'numerator': lost_count, 'denominator': null},
            {'metric': 'bookings_amount', 'numerator': won_amount, 'denominator': null},
            {'metric': 'win_rate', 'numerator': won_count, 'denominator': won_count + lost_count},
            {'metric': 'stage_advances', 'numerator': advanced_count, 'denominator': null},
            {'metric': 'stage_regressions', 'numerator': regressed_count, 'denominator': null},
            {'metric': 'pushes', 'numerator': pushed_count, 'denominator': null}
        ]) as figure
    from deal_figures
    union all
    select
        user_id,
        week,
        'account_segment' as segment_type,
        segment,
        {
            'metric': 'discount_rate', 'numerator': discount_sum, 'denominator': line_count
        } as figure
    from discounts
    union all
    select
        user_id,
        week,
        null as segment_type,
        null as segment,
        unnest([
            {'metric': 'activities', 'numerator': activity_count, 'denominator': null},
            {'metric': 'inbound_emails', 'numerator': inbound_email_count, 'denominator': null},
            {'metric': 'meetings_held', 'numerator': meeting_held_count, 'denominator': null},
            {
                'metric': 'meetings_missed_rate', 'numerator': meeting_missed_count,
                'denominator': meeting_missed_count + meeting_held_count
            },
            {
                'metric': 'calls_connected_rate', 'numerator': call_connected_count,
                'denominator': call_count
            }
        ]) as figure
    from activity_figures
    union all
    select
        user_id,
        week,
        'lead_source' as segment_type,
        segment,
        unnest([
            {'metric': 'leads_created', 'numerator': lead_count, 'denominator': null},
            {'metric': 'leads_converted', 'numerator': converted_count, 'denominator': null},
            {
                'metric': 'leads_answered_rate', 'numerator': answered_count,
                'denominator': due_count
            }
        ]) as figure
    from lead_figures
),

memberships as (
    select
        nodes.user_id,
        nodes.node_type,
        nodes.node_id,
        weeks.week
    from core.bridge_user_node as nodes
    inner join weeks
        on
            nodes.valid_from < weeks.week_end
            and coalesce(nodes.valid_to, timestamp '9999-12-31') >= weeks.week_end
    where nodes.node_type in ('company', 'region', 'team', 'rep')
),

by_node as (
    select
        figures.figure,
        figures.week,
        memberships.node_type,
        memberships.node_id
    from figures
    inner join memberships
        on figures.user_id = memberships.user_id and figures.week = memberships.week
    union all
    select
        figure,
        week,
        segment_type as node_type,
        coalesce(segment, 'Unknown') as node_id
    from figures
    where segment_type is not null
)

select
    figure.metric as metric,
    node_type,
    node_id,
    week,
    cast(sum(cast(figure.numerator as decimal(38, 6))) as double) as numerator,
    cast(sum(cast(figure.denominator as decimal(38, 6))) as double) as denominator
from by_node
group by all
having
    sum(cast(figure.numerator as decimal(38, 6))) <> 0
    or sum(cast(figure.denominator as decimal(38, 6))) <> 0
order by metric, node_type, node_id, week
