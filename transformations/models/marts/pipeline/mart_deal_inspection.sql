{#- Flag in the seed → column, in the order in which the sentence names them. -#}
{%- set flags = {
    "overdue_close_date": "is_overdue",
    "no_recent_activity": "has_no_recent_activity",
    "stalled": "is_stalled",
    "pushed_repeatedly": "is_pushed_repeatedly",
    "single_threaded": "is_single_threaded",
    "no_next_step": "has_no_next_step",
    "missing_amount": "is_missing_amount",
    "shrinking_amount": "has_shrinking_amount",
    "large_amount": "has_large_amount"
} -%}
{%- set dated_flags = flags.values() | reject("equalto", "is_single_threaded") | list -%}

with

deals as (
    select * from {{ ref('mart_deal_signal') }}
),

thresholds as (
    select * from {{ ref('risk_thresholds') }}
),

scores as (
    select * from {{ source('ml', 'ml_opportunity_score') }}
),

model_versions as (
    select * from {{ source('ml', 'ml_model_registry') }}
),

rules as (
    select
        {%- for flag in flags %}
        max(case when flag = '{{ flag }}' then threshold end) as {{ flag }}_threshold,
        max(case when flag = '{{ flag }}' then weight end) as {{ flag }}_weight,
        {%- endfor %}
        max(case when flag = 'stalled' then minimum_sample end) as minimum_visits,
        max(case when flag = 'large_amount' then minimum_sample end) as minimum_wins,
        max(case when flag = 'single_threaded' then from_stage_order end) as threaded_from_order
    from thresholds
),

-- A flag that cannot be judged is null: neither raised nor scored.
flagged as (
    select
        deals.*,
        rules.*,
        deals.days_overdue >= rules.overdue_close_date_threshold as is_overdue,
        deals.days_without_activity >= rules.no_recent_activity_threshold
            as has_no_recent_activity,
        case
            when deals.stage_visit_count >= rules.minimum_visits
                then deals.days_in_stage > deals.stage_p75_days * rules.stalled_threshold
        end as is_stalled,
        deals.push_count >= rules.pushed_repeatedly_threshold as is_pushed_repeatedly,
        case
            when deals.has_activities
                then
                    deals.engaged_contact_count < rules.single_threaded_threshold
                    and deals.stage_order >= rules.threaded_from_order
        end as is_single_threaded,
        case
            when deals.has_next_steps
                then
                    deals.next_step is null
                    and {{ dbt.datediff(
                        'deals.next_step_changed_date', 'deals.as_of_date', 'day'
                    ) }} >= rules.no_next_step_threshold
        end as has_no_next_step,
        deals.amount is null as is_missing_amount,
        deals.amount_drop_share >= rules.shrinking_amount_threshold as has_shrinking_amount,
        case
            when deals.usual_won_count >= rules.minimum_wins
                then deals.amount >= deals.usual_amount * rules.large_amount_threshold
        end as has_large_amount
    from deals
    cross join rules
),

dated as (
    select
        *,
        case when is_overdue then {{ days_after('overdue_close_date_threshold', 'close_date') }} end
            as is_overdue_since,
        case
            when has_no_recent_activity
                then {{ days_after(
                    'no_recent_activity_threshold', 'coalesce(last_activity_date, created_date)'
                ) }}
        end as has_no_recent_activity_since,
        case
            when is_stalled
                then {{ days_after(
                    'ceil(stage_p75_days * stalled_threshold)', 'stage_entered_date'
                ) }}
        end as is_stalled_since,
        case when is_pushed_repeatedly then decisive_push_date end as is_pushed_repeatedly_since,
        case
            when has_no_next_step
                then {{ days_after('no_next_step_threshold', 'next_step_changed_date') }}
        end as has_no_next_step_since,
        case when is_missing_amount then amount_changed_date end as is_missing_amount_since,
        case when has_shrinking_amount then {{ days_after('1', 'last_day_near_peak') }} end
            as has_shrinking_amount_since,
        case when has_large_amount then amount_changed_date end as has_large_amount_since
    from flagged
),

told as (
    select
        *,
        'close date passed ' || {{ counted('days_overdue', 'day') }} || ' ago' as is_overdue_text,
        'no activity for ' || {{ counted('days_without_activity', 'day') }}
            as has_no_recent_activity_text,
        'in ' || stage || ' for ' || {{ counted('floor(days_in_stage)', 'day') }}
        || ' while three in four deals leave it within '
        || {{ counted('ceil(stage_p75_days)', 'day') }} as is_stalled_text,
        'close date pushed ' || {{ counted('push_count', 'time') }}
        || ' by ' || {{ counted('days_pushed', 'day') }} as is_pushed_repeatedly_text,
        case
            when engaged_contact_count = 0 then 'no contact engaged'
            else 'only ' || {{ counted('engaged_contact_count', 'contact') }} || ' engaged'
        end as is_single_threaded_text,
        'no next step' as has_no_next_step_text,
        'no amount' as is_missing_amount_text,
        'amount down by '
        || cast(cast(round(amount_drop_share * 100) as integer) as {{ dbt.type_string() }})
        || ' % from its recent peak' as has_shrinking_amount_text,
        'amount far above the usual for such a deal' as has_large_amount_text
    from dated
),

scored as (
    select
        *,
        0
        {%- for flag, column in flags.items() %}
        + case when {{ column }} and {{ flag }}_weight > 0 then 1 else 0 end
        {%- endfor %} as risk_flag_count,
        0
        {%- for flag, column in flags.items() %}
        + case when {{ column }} then {{ flag }}_weight else 0 end
        {%- endfor %} as raised_weight,
        0
        {%- for flag, column in flags.items() %}
        + case when {{ column }} is null then 0 else {{ flag }}_weight end
        {%- endfor %} as judged_weight,
        ''
        {%- for flag, column in flags.items() %}
        || case
            when {{ column }} and {{ flag }}_weight > 0 then '; ' || {{ column }}_text
            else ''
        end
        {%- endfor %} as warnings
    from told
),

preferred_scores as (
    select
        scores.*,
        row_number() over (
            partition by scores.opportunity_id, scores.as_of_date
            order by
                case when model_versions.is_champion then 0 else 1 end,
                scores.model_version desc
        ) as preference
    from scores
    left join model_versions on scores.model_version = model_versions.model_version
),

final as (
    select
        scored.opportunity_id,
        scored.opportunity_name,
        scored.account_id,
        scored.account_name,
        scored.owner_user_id,
        scored.owner_name,
        scored.owner_team,
        scored.opportunity_type,
        scored.stage,
        scored.stage_order,
        scored.forecast_category,
        scored.amount,
        scored.created_date,
        scored.close_date,
        scored.days_overdue,
        scored.push_count,
        scored.days_in_stage,
        scored.stage_p75_days,
        scored.last_activity_date,
        scored.days_without_activity,
        scored.engaged_contact_count,
        scored.next_step,
        {%- for column in flags.values() %}
        scored.{{ column }},
        {%- if column in dated_flags %}
        scored.{{ column }}_since,
        {%- endif %}
        {%- endfor %}
        cast(scored.risk_flag_count as integer) as risk_flag_count,
        {{ rate('scored.raised_weight', 'scored.judged_weight') }} as risk_score,
        least(
            {%- for column in dated_flags %}
            scored.{{ column }}_since
            {{- "," if not loop.last }}
            {%- endfor %}
        ) as at_risk_since,
        case
            when scored.warnings = '' then 'No warnings.'
            else
                upper(substring(scored.warnings, 3, 1)) || substring(scored.warnings, 4) || '.'
        end as risk_sentence,
        preferred_scores.model_version,
        cast(preferred_scores.win_probability as decimal(18, 6)) as win_probability,
        cast(preferred_scores.win_probability_low as decimal(18, 6)) as win_probability_low,
        cast(preferred_scores.win_probability_high as decimal(18, 6)) as win_probability_high,
        cast(preferred_scores.expected_amount as decimal(18, 2)) as expected_amount,
        preferred_scores.top_factors,
        preferred_scores.data_sufficiency,
        scored.as_of_date
    from scored
    left join preferred_scores
        on
            scored.opportunity_id = preferred_scores.opportunity_id
            and scored.as_of_date = preferred_scores.as_of_date
            and preferred_scores.preference = 1
)

select * from final
order by close_date, opportunity_id
