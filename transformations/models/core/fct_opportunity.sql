{%- set fields = replayed_fields() -%}
{%- set milestone_stages = [
    'Qualification', 'Discovery', 'Solution Design', 'Proposal', 'Negotiation'
] -%}

with

opportunities as (
    select * from {{ ref('int_crm__opportunities') }}
),

events as (
    select * from {{ ref('fct_opportunity_event') }}
),

spans as (
    select * from {{ ref('fct_opportunity_stage_span') }}
),

fx_rates as (
    select * from {{ ref('fct_fx_rate') }}
),

currencies as (
    select * from {{ ref('dim_currency') }}
),

stages as (
    select * from {{ ref('canonical_stages') }}
),

clock as (
    select {{ as_of_date() }} as as_of_date
),

ordered_events as (
    select
        opportunity_id,
        field,
        new_value,
        row_number() over (
            partition by opportunity_id, field
            order by {{ event_order(descending=true) }}
        ) as recency
    from events
),

replayed_text as (
    select
        opportunity_id,
        {{ pivoted_fields(fields) }}
    from ordered_events
    where recency = 1
    group by opportunity_id
),

replayed as (
    select
        {% for field, type in fields.items() -%}
        cast({{ field }} as {{ type }}) as {{ field }},
        {% endfor -%}
        opportunity_id
    from replayed_text
),

close_date_events as (
    select
        opportunity_id,
        changed_at,
        cast(new_value as date) as close_date,
        lag(cast(new_value as date)) over (
            partition by opportunity_id
            order by {{ event_order() }}
        ) as previous_close_date
    from events
    where field = 'close_date'
),

-- a push is a move to a later date that leaves the deal open
pushes as (
    select
        close_date_events.opportunity_id,
        count(*) as push_count,
        sum(
            {{ dbt.datediff(
                'close_date_events.previous_close_date',
                'close_date_events.close_date',
                'day'
            ) }}
        ) as days_pushed
    from close_date_events
    inner join spans
        on
            close_date_events.opportunity_id = spans.opportunity_id
            and close_date_events.changed_at >= spans.entered_at
            and (close_date_events.changed_at < spans.exited_at or spans.exited_at is null)
    where
        spans.is_open_stage
        and close_date_events.close_date > close_date_events.previous_close_date
    group by close_date_events.opportunity_id
),

-- a stage counts as reached on the way to a later open stage and by a win, also when it was skipped
milestones as (
    select
        {% for stage in milestone_stages -%}
        min(case when reached.stage = '{{ stage }}' then spans.entered_at end)
            as {{ reached_at(stage) }},
        {% endfor -%}
        spans.opportunity_id
    from spans
    inner join stages as held
        on spans.stage = held.stage
    inner join stages as reached
        on held.stage_order >= reached.stage_order
    where
        held.is_open
        or held.is_won
    group by spans.opportunity_id
),

current_spans as (
    select
        opportunity_id,
        is_open_stage,
        entered_at
    from spans
    where is_current
),

states as (
    select
        opportunities.opportunity_id,
        opportunities.source_system,
        opportunities.source_id,
        opportunities.name,
        opportunities.account_id,
        replayed.owner_user_id,
        opportunities.opportunity_type,
        opportunities.campaign_id,
        opportunities.created_at,
        cast(opportunities.created_at as date) as created_date,
        replayed.close_date,
        case when not current_spans.is_open_stage then current_spans.entered_at end as closed_at,
        replayed.stage,
        stages.stage_order,
        coalesce(stages.is_open, false) and not coalesce(replayed.is_deleted, false) as is_open,
        coalesce(stages.is_won, false) and not coalesce(replayed.is_deleted, false) as is_won,
        coalesce(stages.is_lost, false) and not coalesce(replayed.is_deleted, false) as is_lost,
        coalesce(replayed.is_deleted, false) as is_deleted,
        replayed.amount_local,
        opportunities.currency_code,
        case
            when stages.is_open then clock.as_of_date
            else coalesce(replayed.close_date, clock.as_of_date)
        end as fx_rate_date,
        replayed.probability,
        replayed.forecast_category,
        opportunities.lead_source,
        case when stages.is_lost then opportunities.loss_reason end as loss_reason,
        opportunities.competitor,
        replayed.next_step,
        current_spans.entered_at as last_stage_changed_at,
        clock.as_of_date
    from opportunities
    cross join clock
    left join replayed
        on opportunities.opportunity_id = replayed.opportunity_id
    left join stages
        on replayed.stage = stages.stage
    left join current_spans
        on opportunities.opportunity_id = current_spans.opportunity_id
),

measured as (
    select
        states.*,
        fx_rates.rate_to_corporate as fx_rate,
        {{ converted('states.amount_local', 'fx_rates.rate_to_corporate') }} as amount,
        {{ converted('states.amount_local', 'currencies.constant_rate') }} as amount_constant,
        coalesce(states.close_date < states.created_date, false) as is_backdated,
        case
            when
                (states.is_won or states.is_lost)
                and states.close_date >= states.created_date
                then {{ dbt.datediff('states.created_date', 'states.close_date', 'day') }}
        end as days_to_close,
        {{ dbt.datediff(
            'states.created_date',
            'coalesce(cast(states.closed_at as date), states.as_of_date)',
            'day'
        ) }} as age_days,
        coalesce(pushes.push_count, 0) as push_count,
        coalesce(pushes.days_pushed, 0) as days_pushed,
        milestones.reached_qualification_at,
        milestones.reached_discovery_at,
        milestones.reached_solution_design_at,
        milestones.reached_proposal_at,
        milestones.reached_negotiation_at,
        {{ is_excluded_deal('states.loss_reason') }} as is_excluded
    from states
    left join fx_rates
        on {{ fx_rate_on('fx_rates', 'states.currency_code', 'states.fx_rate_date') }}
    left join currencies
        on states.currency_code = currencies.currency_code
    left join pushes
        on states.opportunity_id = pushes.opportunity_id
    left join milestones
        on states.opportunity_id = milestones.opportunity_id
),

final as (
    select
        opportunity_id,
        source_system,
        source_id,
        name,
        account_id,
        owner_user_id,
        opportunity_type,
        campaign_id,
        created_at,
        created_date,
        close_date,
        closed_at,
        stage,
        cast(stage_order as integer) as stage_order,
        is_open,
        is_won,
        is_lost,
        is_deleted,
        amount,
        amount_constant,
        amount_local,
        currency_code,
        fx_rate,
        fx_rate_date,
        probability,
        forecast_category,
        lead_source,
        loss_reason,
        competitor,
        next_step,
        cast(days_to_close as integer) as days_to_close,
        cast(age_days as integer) as age_days,
        cast(push_count as integer) as push_count,
        cast(days_pushed as integer) as days_pushed,
        reached_qualification_at,
        reached_discovery_at,
        reached_solution_design_at,
        reached_proposal_at,
        reached_negotiation_at,
        last_stage_changed_at,
        is_backdated,
        amount_local is not null as has_amount,
        (is_won or is_lost) and close_date is not null and not is_excluded
            as is_eligible_for_win_rate,
        (is_won or is_lost) and days_to_close is not null and not is_excluded
            as is_eligible_for_cycle,
        is_open as is_eligible_for_pipeline,
        as_of_date
    from measured
)

select * from final
