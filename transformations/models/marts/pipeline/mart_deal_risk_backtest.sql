{%- set flags = risk_flags() -%}

with

risks as (
    select * from {{ ref('mart_deal_risk') }}
),

opportunities as (
    select * from {{ ref('fct_opportunity') }}
),

opportunity_days as (
    select * from {{ ref('fct_opportunity_daily') }}
),

outcomes as (
    select * from {{ ref('risk_outcomes') }}
),

thresholds as (
    select * from {{ ref('risk_thresholds') }}
),

rules as (
    select
        {%- for flag in flags %}
        max(case when flag = '{{ flag }}' then from_stage_order end) as {{ flag }}_from_order,
        {%- endfor %}
        max(case when flag = 'any_flag' then threshold end) as any_flag_threshold
    from thresholds
),

-- a date counts once the horizon after it has passed
due as (
    select
        risks.*,
        outcomes.outcome,
        outcomes.horizon_days,
        outcomes.slip_days,
        {{ days_after('outcomes.horizon_days', 'risks.date_day') }} as fate_date
    from risks
    cross join outcomes
    where {{ days_after('outcomes.horizon_days', 'risks.date_day') }} <= risks.as_of_date
),

-- what had become of the deal by then: the last day on which it has a snapshot
last_days as (
    select
        due.opportunity_id,
        due.date_day,
        due.outcome,
        max(opportunity_days.date_day) as last_day
    from due
    inner join opportunity_days
        on
            due.opportunity_id = opportunity_days.opportunity_id
            and due.fate_date >= opportunity_days.date_day
    group by due.opportunity_id, due.date_day, due.outcome
),

-- a deal that was deleted tells nothing of its risk
fates as (
    select
        due.*,
        opportunity_days.is_won as was_won,
        opportunity_days.is_lost as was_lost,
        opportunity_days.is_open as was_open,
        opportunity_days.close_date as later_close_date
    from due
    inner join last_days
        on
            due.opportunity_id = last_days.opportunity_id
            and due.date_day = last_days.date_day
            and due.outcome = last_days.outcome
    inner join opportunity_days
        on
            last_days.opportunity_id = opportunity_days.opportunity_id
            and last_days.last_day = opportunity_days.date_day
    inner join opportunities
        on due.opportunity_id = opportunities.opportunity_id
    where not opportunity_days.is_deleted
),

judged as (
    select
        fates.*,
        coalesce(
            fates.was_lost
            or (
                fates.was_open
                and fates.slip_days is not null
                and (
                    {{ dbt.datediff('fates.close_date', 'fates.later_close_date', 'day') }}
                    >= fates.slip_days
                    or fates.later_close_date < fates.fate_date
                )
            ),
            false
        ) as went_bad
    from fates
),

ruled as (
    select
        judged.*,
        rules.*
    from judged
    cross join rules
),

{% set kept = [
    "opportunity_id", "date_day", "stage", "outcome", "horizon_days", "went_bad", "as_of_date"
] -%}
-- a deal counts for a flag where it could have been raised: not before the stage that it needs
warned as (
    {% for flag, column in flags.items() -%}
    select
        {{ kept | join(',\n        ') }},
        '{{ flag }}' as flag,
        {{ column }} as is_flagged
    from ruled
    where {{ column }} is not null and stage_order >= coalesce({{ flag }}_from_order, 0)
    union all
    {% endfor -%}
    select
        {{ kept | join(',\n        ') }},
        'any_flag' as flag,
        risk_flag_count >= any_flag_threshold as is_flagged
    from ruled
    where any_flag_threshold is not null
    union all
    select
        {{ kept | join(',\n        ') }},
        'risk_score' as flag,
        is_at_risk as is_flagged
    from ruled
    where is_at_risk is not null
),

-- deals go bad more often in early stages, where few flags are raised: what is to be expected of a
-- deal is the share of its own stage
expected as (
    select
        *,
        avg(case when went_bad then 1.0 else 0.0 end) over (
            partition by outcome, flag, stage
        ) as stage_bad_rate
    from warned
),

scoped as (
    select
        *,
        'month_end' as scope,
        date_day as snapshot_date
    from expected
    union all
    select
        *,
        'all' as scope,
        max(date_day) over () as snapshot_date
    from expected
),

counted as (
    select
        outcome,
        horizon_days,
        flag,
        scope,
        -- all dates together are named by the last of them
        max(snapshot_date) as snapshot_date,
        count(distinct date_day) as snapshot_count,
        count(*) as deal_count,
        count(distinct opportunity_id) as opportunity_count,
        sum(case when is_flagged then 1 else 0 end) as flagged_count,
        count(distinct case when is_flagged then opportunity_id end) as flagged_opportunity_count,
        sum(case when went_bad then 1 else 0 end) as bad_count,
        count(distinct case when went_bad then opportunity_id end) as bad_opportunity_count,
        sum(case when is_flagged and went_bad then 1 else 0 end) as true_positive_count,
        sum(case when is_flagged then stage_bad_rate else 0 end) as expected_bad_count,
        sum(case when is_flagged = went_bad then 1 else 0 end) as right_count,
        max(as_of_date) as as_of_date
    from scoped
    group by
        outcome,
        horizon_days,
        flag,
        scope,
        case when scope = 'month_end' then snapshot_date end
),

rates as (
    select
        *,
        {{ rate('bad_count', 'deal_count') }} as base_rate,
        {{ rate('true_positive_count', 'flagged_count') }} as precision_rate,
        {{ rate('true_positive_count', 'bad_count') }} as recall_rate,
        {{ rate('right_count', 'deal_count') }} as accuracy_rate
    from counted
),

-- one deal is seen at several month ends, which are one piece of evidence rather than several: the
-- intervals are those of as many trials as there are deals
final as (
    select
        outcome,
        flag,
        scope,
        snapshot_date,
        cast(horizon_days as integer) as horizon_days,
        cast(snapshot_count as bigint) as snapshot_count,
        cast(deal_count as bigint) as deal_count,
        cast(opportunity_count as bigint) as opportunity_count,
        cast(flagged_count as bigint) as flagged_count,
        cast(bad_count as bigint) as bad_count,
        cast(true_positive_count as bigint) as true_positive_count,
        cast(expected_bad_count as decimal(18, 6)) as expected_bad_count,
        cast(right_count as bigint) as right_count,
        base_rate,
        precision_rate,
        {{ wilson_bound(
            'precision_rate * flagged_opportunity_count', 'flagged_opportunity_count', 'low'
        ) }} as precision_rate_low,
        {{ wilson_bound(
            'precision_rate * flagged_opportunity_count', 'flagged_opportunity_count', 'high'
        ) }} as precision_rate_high,
        recall_rate,
        {{ wilson_bound('recall_rate * bad_opportunity_count', 'bad_opportunity_count', 'low') }}
            as recall_rate_low,
        {{ wilson_bound('recall_rate * bad_opportunity_count', 'bad_opportunity_count', 'high') }}
            as recall_rate_high,
        {{ rate('true_positive_count * deal_count', 'flagged_count * bad_count') }} as lift,
        {{ rate('true_positive_count', 'expected_bad_count') }} as stage_lift,
        accuracy_rate,
        greatest(base_rate, 1 - base_rate) as majority_accuracy_rate,
        as_of_date
    from rates
)

select * from final
order by outcome, flag, scope, snapshot_date
