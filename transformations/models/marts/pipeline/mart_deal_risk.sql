{#- Flag in the seed → column, in the order in which the sentence names them. -#}
{%- set flags = risk_flags() -%}

with

signals as (
    select * from {{ ref('mart_deal_signal') }}
),

involvement as (
    select * from {{ ref('mart_deal_involvement') }}
),

thresholds as (
    select * from {{ ref('risk_thresholds') }}
),

rules as (
    select
        {%- for flag in flags %}
        max(case when flag = '{{ flag }}' then threshold end) as {{ flag }}_threshold,
        max(case when flag = '{{ flag }}' then weight end) as {{ flag }}_weight,
        {%- endfor %}
        max(case when flag = 'stalled' then minimum_sample end) as minimum_visits,
        max(case when flag = 'large_amount' then minimum_sample end) as minimum_wins,
        max(case when flag = 'single_threaded' then from_stage_order end) as threaded_from_order,
        max(case when flag = 'no_decision_maker' then from_stage_order end) as decider_from_order,
        max(case when flag = 'late_stage_competitor' then from_stage_order end) as rival_from_order,
        max(case when flag = 'risk_score' then threshold end) as risk_score_threshold
    from thresholds
),

deals as (
    select
        signals.*,
        involvement.days_without_activity,
        involvement.last_activity_date,
        involvement.engaged_contact_count,
        involvement.decision_maker_count,
        involvement.decision_maker_lost_date,
        involvement.competitor_count,
        involvement.competitor_seen_date,
        involvement.competitor_names,
        involvement.entry_criteria_count,
        involvement.entry_criteria_missing_count,
        involvement.entry_evidence_withdrawn_date,
        involvement.single_threaded_stage_date,
        involvement.no_decision_maker_stage_date,
        involvement.late_stage_competitor_stage_date
    from signals
    left join involvement
        on
            signals.opportunity_id = involvement.opportunity_id
            and signals.date_day = involvement.date_day
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
            when deals.engaged_contact_count is not null
                then
                    deals.engaged_contact_count < rules.single_threaded_threshold
                    and deals.stage_order >= rules.threaded_from_order
        end as is_single_threaded,
        case
            when deals.decision_maker_count is not null
                then
                    deals.decision_maker_count < rules.no_decision_maker_threshold
                    and deals.stage_order >= rules.decider_from_order
        end as has_no_decision_maker,
        case
            when deals.has_next_steps
                then
                    deals.next_step is null
                    and {{ dbt.datediff(
                        'deals.next_step_changed_date', 'deals.date_day', 'day'
                    ) }} >= rules.no_next_step_threshold
        end as has_no_next_step,
        case
            when deals.competitor_count is not null
                then
                    deals.competitor_count >= rules.late_stage_competitor_threshold
                    and deals.stage_order >= rules.rival_from_order
        end as has_late_stage_competitor,
        deals.entry_criteria_missing_count
        >= deals.entry_criteria_count * rules.evidence_missing_threshold as is_evidence_missing,
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
        case when is_single_threaded then single_threaded_stage_date end
            as is_single_threaded_since,
        case
            when has_no_decision_maker
                then greatest(
                    no_decision_maker_stage_date,
                    coalesce(decision_maker_lost_date, no_decision_maker_stage_date)
                )
        end as has_no_decision_maker_since,
        case
            when has_no_next_step
                then {{ days_after('no_next_step_threshold', 'next_step_changed_date') }}
        end as has_no_next_step_since,
        case
            when has_late_stage_competitor
                then greatest(late_stage_competitor_stage_date, competitor_seen_date)
        end as has_late_stage_competitor_since,
        case
            when is_evidence_missing
                then greatest(
                    stage_entered_date, coalesce(entry_evidence_withdrawn_date, stage_entered_date)
                )
        end as is_evidence_missing_since,
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
        'no decision maker known' as has_no_decision_maker_text,
        'no next step' as has_no_next_step_text,
        'competing with ' || competitor_names || ' in ' || stage
            as has_late_stage_competitor_text,
        cast(entry_criteria_missing_count as {{ dbt.type_string() }}) || ' of '
        || cast(entry_criteria_count as {{ dbt.type_string() }})
        || ' exit criteria of the stage before not on record' as is_evidence_missing_text,
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

final as (
    select
        opportunity_id,
        date_day,
        is_as_of_date,
        owner_user_id,
        opportunity_type,
        account_segment,
        stage,
        stage_order,
        amount,
        close_date,
        {%- for column in flags.values() %}
        {{ column }},
        {{ column }}_since,
        {%- endfor %}
        cast(risk_flag_count as integer) as risk_flag_count,
        {{ rate('raised_weight', 'judged_weight') }} as risk_score,
        {{ rate('raised_weight', 'judged_weight') }} >= risk_score_threshold as is_at_risk,
        least(
            {%- for column in flags.values() %}
            {{ column }}_since
            {{- "," if not loop.last }}
            {%- endfor %}
        ) as at_risk_since,
        case
            when warnings = '' then 'No warnings.'
            else upper(substring(warnings, 3, 1)) || substring(warnings, 4) || '.'
        end as risk_sentence,
        as_of_date
    from scored
)

select * from final
order by date_day, close_date, opportunity_id
