with

forecast_rules as (
    select * from {{ ref('forecast_rules') }}
),

dates as (
    select * from {{ ref('dim_date') }}
),

daily as (
    select * from {{ ref('fct_opportunity_daily') }}
),

events as (
    select * from {{ ref('fct_opportunity_event') }}
),

stage_spans as (
    select * from {{ ref('fct_opportunity_stage_span') }}
),

opportunities as (
    select * from {{ ref('fct_opportunity') }}
),

fx_rates as (
    select * from {{ ref('fct_fx_rate') }}
),

stages as (
    select * from {{ ref('dim_stage') }}
),

users as (
    select * from {{ ref('dim_user') }}
),

user_nodes as (
    select * from {{ ref('bridge_user_node') }}
),

deals as (
    select * from {{ ref('mart_forecast_deal') }}
    where period_offset <= 1
),

calls as (
    select * from {{ ref('mart_forecast_call') }}
    where category = 'commit'
),

-- what the model expected of the running quarter, rep by rep; a baseline in its place is no model
predictions as (
    select * from {{ source('ml', 'ml_revenue_forecast') }}
    where
        horizon = 'fiscal_quarter'
        and quantile = 'mean'
        and node_type = 'rep'
        and data_sufficiency = 'model'
        and as_of_date <= {{ as_of_date() }}
),

rules as (
    {{ forecast_rules('forecast_rules') }}
),

stage_defaults as (
    {{ stage_probabilities('stages') }}
),

{{ forecast_snapshots(periods_ahead=1) }},

{{ closed_deals() }},

measured_snapshots as (
    select
        forecast_snapshots.*,
        cast(floor(forecast_snapshots.days_to_close / 7.0) as integer) as weeks_to_close
    from forecast_snapshots
    cross join rules
    where
        forecast_snapshots.period_start
        <= {{ days_after('rules.look_ahead_days', 'forecast_snapshots.snapshot_date') }}
),

-- of the evenings that are as many whole weeks before the end, the last one
ranked_snapshots as (
    select
        *,
        row_number() over (
            partition by period_start, weeks_to_close
            order by snapshot_date desc
        ) as recency
    from measured_snapshots
),

snapshots as (
    select
        snapshot_date,
        period_name,
        period_start,
        period_end,
        weeks_to_close,
        period_offset,
        period_end <= {{ as_of_date() }} as is_complete_period,
        least(period_end, {{ as_of_date() }}) as organised_on
    from ranked_snapshots
    where recency = 1
),

periods as (
    select distinct
        period_start,
        period_end,
        is_complete_period,
        organised_on
    from snapshots
),

-- the win rate of each stage among deals that were in it and closed before the evening
visits as (
    select
        opportunity_id,
        stage,
        min(cast(entered_at as date)) as entered_date
    from stage_spans
    group by
        opportunity_id,
        stage
),

stage_outcomes as (
    select
        visits.stage,
        closed_deals.from_date,
        closed_deals.until_date,
        closed_deals.is_won
    from closed_deals
    inner join opportunities on closed_deals.opportunity_id = opportunities.opportunity_id
    inner join visits
        on
            closed_deals.opportunity_id = visits.opportunity_id
            and closed_deals.closed_date >= visits.entered_date
    where opportunities.is_eligible_for_win_rate
),

outcome_steps as (
    select
        stage,
        from_date as step_date,
        1 as closed_step,
        case when is_won then 1 else 0 end as won_step
    from stage_outcomes
    union all
    select
        stage,
        until_date as step_date,
        -1 as closed_step,
        case when is_won then -1 else 0 end as won_step
    from stage_outcomes
    where until_date is not null
),

dated_steps as (
    select
        stage,
        step_date,
        sum(closed_step) as closed_step,
        sum(won_step) as won_step
    from outcome_steps
    group by
        stage,
        step_date
),

evenings as (
    select distinct snapshot_date from snapshots
),

stage_samples as (
    select
        evenings.snapshot_date,
        dated_steps.stage,
        sum(dated_steps.closed_step) as closed_count,
        sum(dated_steps.won_step) as won_count
    from evenings
    inner join dated_steps on evenings.snapshot_date > dated_steps.step_date
    group by
        evenings.snapshot_date,
        dated_steps.stage
),

weighed as (
    select
        deals.snapshot_date,
        deals.period_start,
        deals.owner_user_id as user_id,
        coalesce(deals.amount, 0) as amount,
        case
            when not deals.is_open then 1
            else coalesce(deals.probability, stage_defaults.default_probability, 0)
        end as crm_probability,
        case
            when not deals.is_open then 1
            when stage_samples.closed_count >= rules.stage_rate_minimum_sample
                then {{ rate('stage_samples.won_count', 'stage_samples.closed_count') }}
            else coalesce(stage_defaults.default_probability, 0)
        end as stage_probability
    from deals
    inner join snapshots
        on
            deals.snapshot_date = snapshots.snapshot_date
            and deals.period_start = snapshots.period_start
    cross join rules
    left join stage_defaults on deals.stage = stage_defaults.stage
    left join stage_samples
        on
            deals.snapshot_date = stage_samples.snapshot_date
            and deals.stage = stage_samples.stage
),

positions as (
    select
        snapshot_date,
        period_start,
        user_id,
        count(*) as deal_count,
        cast(sum(amount * crm_probability) as decimal(18, 2)) as weighted_pipeline,
        cast(sum(amount * stage_probability) as decimal(18, 2)) as stage_rate
    from weighed
    group by
        snapshot_date,
        period_start,
        user_id
),

bookings as (
    select
        periods.period_start,
        coalesce(opportunities.owner_user_id, 'unassigned') as user_id,
        cast(sum(coalesce(opportunities.amount, 0)) as decimal(18, 2)) as actual_amount
    from opportunities
    inner join periods
        on opportunities.close_date between periods.period_start and periods.period_end
    where
        opportunities.is_won
        and not opportunities.is_deleted
        and periods.is_complete_period
    group by
        periods.period_start,
        coalesce(opportunities.owner_user_id, 'unassigned')
),

-- forecast and actual are added up over the same people: the organisation at the quarter's end
period_nodes as (
    select
        periods.period_start,
        periods.organised_on,
        user_nodes.user_id,
        user_nodes.node_type,
        user_nodes.node_id
    from periods
    inner join user_nodes
        on {{ holds_at('user_nodes', end_of_day('periods.organised_on')) }}
),

node_bookings as (
    select
        bookings.period_start,
        period_nodes.node_type,
        period_nodes.node_id,
        cast(sum(bookings.actual_amount) as decimal(18, 2)) as actual_amount
    from bookings
    inner join period_nodes
        on
            bookings.period_start = period_nodes.period_start
            and bookings.user_id = period_nodes.user_id
    group by
        bookings.period_start,
        period_nodes.node_type,
        period_nodes.node_id
),

node_positions as (
    select
        positions.snapshot_date,
        positions.period_start,
        period_nodes.node_type,
        period_nodes.node_id,
        sum(positions.deal_count) as deal_count,
        sum(positions.weighted_pipeline) as weighted_pipeline,
        sum(positions.stage_rate) as stage_rate
    from positions
    inner join period_nodes
        on
            positions.period_start = period_nodes.period_start
            and positions.user_id = period_nodes.user_id
    group by
        positions.snapshot_date,
        positions.period_start,
        period_nodes.node_type,
        period_nodes.node_id
),

selling_nodes as (
    select
        period_start,
        node_type,
        node_id
    from node_positions
    union
    select
        period_start,
        node_type,
        node_id
    from node_bookings
),

heard as (
    select
        calls.snapshot_date,
        calls.period_start,
        period_nodes.node_type,
        period_nodes.node_id,
        case when calls.is_lowest then calls.call_amount end as rep_amount,
        case
            when period_nodes.node_type = 'company'
                then case when calls.is_highest then calls.call_amount end
            when period_nodes.node_type = 'manager'
                then case when period_nodes.node_id = calls.user_id then calls.call_amount end
            when calls.is_lowest then coalesce(calls.override_amount, calls.call_amount)
        end as manager_amount
    from calls
    inner join snapshots
        on
            calls.snapshot_date = snapshots.snapshot_date
            and calls.period_start = snapshots.period_start
    inner join period_nodes
        on
            calls.period_start = period_nodes.period_start
            and calls.user_id = period_nodes.user_id
),

timed_predictions as (
    select
        origin_date,
        as_of_date,
        is_backtest,
        horizon_start_date as period_start,
        cast(
            {{ dbt.datediff('origin_date', 'horizon_end_date', 'day') }}
            as integer
        ) as days_to_close,
        node_id as user_id,
        amount
    from predictions
),

weekly_predictions as (
    select
        *,
        cast(floor(days_to_close / 7.0) as integer) as weeks_to_close
    from timed_predictions
),

-- of the evenings in one week before the end the last one, as it was said then if it was said
ranked_predictions as (
    select
        *,
        dense_rank() over (
            partition by period_start, weeks_to_close
            order by
                origin_date desc,
                case when is_backtest then 1 else 0 end,
                as_of_date desc
        ) as recency
    from weekly_predictions
),

predicted as (
    select
        snapshots.snapshot_date,
        ranked_predictions.period_start,
        ranked_predictions.origin_date,
        period_nodes.node_type,
        period_nodes.node_id,
        cast(sum(ranked_predictions.amount) as decimal(18, 2)) as forecast_amount,
        count(*) as forecast_count
    from ranked_predictions
    inner join snapshots
        on
            ranked_predictions.period_start = snapshots.period_start
            and ranked_predictions.weeks_to_close = snapshots.weeks_to_close
    inner join period_nodes
        on
            ranked_predictions.period_start = period_nodes.period_start
            and ranked_predictions.user_id = period_nodes.user_id
    where ranked_predictions.recency = 1
    group by
        snapshots.snapshot_date,
        ranked_predictions.period_start,
        ranked_predictions.origin_date,
        period_nodes.node_type,
        period_nodes.node_id
),

forecasts as (
    {% for forecaster in ['rep', 'manager'] -%}
    select
        snapshot_date,
        period_start,
        snapshot_date as made_on,
        node_type,
        node_id,
        '{{ forecaster }}' as forecaster,
        cast(sum({{ forecaster }}_amount) as decimal(18, 2)) as forecast_amount,
        cast(count({{ forecaster }}_amount) as bigint) as forecast_count
    from heard
    where {{ forecaster }}_amount is not null
    group by
        snapshot_date,
        period_start,
        node_type,
        node_id
    union all
    {% endfor -%}
    {% for forecaster in ['weighted_pipeline', 'stage_rate'] -%}
    select
        snapshots.snapshot_date,
        snapshots.period_start,
        snapshots.snapshot_date as made_on,
        selling_nodes.node_type,
        selling_nodes.node_id,
        '{{ forecaster }}' as forecaster,
        cast(coalesce(node_positions.{{ forecaster }}, 0) as decimal(18, 2)) as forecast_amount,
        cast(coalesce(node_positions.deal_count, 0) as bigint) as forecast_count
    from snapshots
    inner join selling_nodes on snapshots.period_start = selling_nodes.period_start
    left join node_positions
        on
            snapshots.snapshot_date = node_positions.snapshot_date
            and snapshots.period_start = node_positions.period_start
            and selling_nodes.node_type = node_positions.node_type
            and selling_nodes.node_id = node_positions.node_id
    union all
    {% endfor -%}
    select
        snapshot_date,
        period_start,
        origin_date as made_on,
        node_type,
        node_id,
        'model' as forecaster,
        forecast_amount,
        cast(forecast_count as bigint) as forecast_count
    from predicted
),

in_office as (
    select
        user_id,
        valid_from,
        valid_to
    from users
    where
        coalesce(is_active, true)
        and not coalesce(is_deleted, false)
),

judged as (
    select
        snapshots.period_name,
        snapshots.period_start,
        snapshots.period_end,
        snapshots.is_complete_period,
        snapshots.period_offset,
        forecasts.made_on as snapshot_date,
        snapshots.weeks_to_close,
        forecasts.node_type,
        forecasts.node_id,
        forecasts.forecaster,
        forecasts.forecast_amount,
        forecasts.forecast_count,
        case
            when snapshots.is_complete_period then coalesce(node_bookings.actual_amount, 0)
        end as actual_amount,
        forecasts.node_type not in ('manager', 'rep') or in_office.user_id is not null
            as is_owner_in_office
    from forecasts
    inner join snapshots
        on
            forecasts.snapshot_date = snapshots.snapshot_date
            and forecasts.period_start = snapshots.period_start
    left join node_bookings
        on
            forecasts.period_start = node_bookings.period_start
            and forecasts.node_type = node_bookings.node_type
            and forecasts.node_id = node_bookings.node_id
    left join in_office
        on
            forecasts.node_id = in_office.user_id
            and forecasts.node_type in ('manager', 'rep')
            and {{ holds_at('in_office', end_of_day('snapshots.organised_on')) }}
),

history as (
    select
        judged.node_type,
        judged.node_id,
        judged.forecaster,
        count(distinct judged.period_start) as period_count,
        cast(sum(judged.forecast_amount - judged.actual_amount) as decimal(18, 2)) as error_amount,
        cast(sum(judged.actual_amount) as decimal(18, 2)) as actual_amount
    from judged
    cross join rules
    where
        judged.is_complete_period
        and judged.is_owner_in_office
        and judged.period_offset = 0
        and judged.weeks_to_close >= rules.bias_minimum_weeks
    group by
        judged.node_type,
        judged.node_id,
        judged.forecaster
),

biases as (
    select
        history.*,
        {{ rate('history.error_amount', 'history.actual_amount') }} as bias_rate,
        history.period_count >= rules.bias_minimum_periods as is_long_enough,
        rules.bias_tolerance
    from history
    cross join rules
),

node_names as (
    select
        node_type,
        node_id,
        max(node_name) as node_name
    from user_nodes
    group by
        node_type,
        node_id
),

final as (
    select
        judged.period_name,
        judged.period_start,
        judged.period_end,
        judged.is_complete_period,
        judged.snapshot_date,
        judged.weeks_to_close,
        judged.node_type,
        judged.node_id,
        node_names.node_name,
        judged.forecaster,
        judged.forecast_amount,
        judged.forecast_count,
        cast(judged.actual_amount as decimal(18, 2)) as actual_amount,
        cast(judged.forecast_amount - judged.actual_amount as decimal(18, 2)) as error_amount,
        cast(abs(judged.forecast_amount - judged.actual_amount) as decimal(18, 2))
            as absolute_error_amount,
        cast(
            1 - {{ rate(
                'abs(judged.forecast_amount - judged.actual_amount)', 'judged.actual_amount'
            ) }} as decimal(18, 6)
        ) as accuracy_rate,
        {{ rate('judged.forecast_amount - judged.actual_amount', 'judged.actual_amount') }}
            as bias_rate,
        judged.is_owner_in_office,
        cast(coalesce(biases.period_count, 0) as bigint) as historical_period_count,
        biases.error_amount as historical_error_amount,
        biases.actual_amount as historical_actual_amount,
        biases.bias_rate as historical_bias_rate,
        case
            when not biases.is_long_enough then null
            when biases.bias_rate < -biases.bias_tolerance then 'sandbagging'
            when biases.bias_rate > biases.bias_tolerance then 'happy_ears'
            when biases.bias_rate is not null then 'neutral'
        end as bias_label,
        {{ as_of_date() }} as as_of_date
    from judged
    left join biases
        on
            judged.node_type = biases.node_type
            and judged.node_id = biases.node_id
            and judged.forecaster = biases.forecaster
    left join node_names
        on
            judged.node_type = node_names.node_type
            and judged.node_id = node_names.node_id
)

select * from final
order by period_start, snapshot_date, node_type, node_id, forecaster
