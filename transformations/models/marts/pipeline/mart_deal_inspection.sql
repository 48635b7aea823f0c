with

risks as (
    select * from {{ ref('mart_deal_risk') }}
    where is_as_of_date
),

signals as (
    select * from {{ ref('mart_deal_signal') }}
    where is_as_of_date
),

involvement as (
    select * from {{ ref('mart_deal_involvement') }}
),

accounts as (
    select * from {{ ref('dim_account') }}
    where is_current
),

users as (
    select * from {{ ref('dim_user') }}
    where is_current
),

scores as (
    select * from {{ source('ml', 'ml_opportunity_score') }}
),

model_versions as (
    select * from {{ source('ml', 'ml_model_registry') }}
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
        signals.opportunity_id,
        signals.opportunity_name,
        signals.account_id,
        accounts.name as account_name,
        signals.owner_user_id,
        users.name as owner_name,
        users.team as owner_team,
        signals.opportunity_type,
        signals.stage,
        signals.stage_order,
        signals.forecast_category,
        signals.amount,
        signals.created_date,
        signals.close_date,
        signals.days_overdue,
        signals.push_count,
        signals.days_in_stage,
        signals.stage_p75_days,
        involvement.last_activity_date,
        involvement.days_without_activity,
        involvement.engaged_contact_count,
        involvement.decision_maker_count,
        involvement.competitor_names,
        involvement.entry_criteria_count,
        involvement.entry_criteria_missing_count,
        signals.next_step,
        {%- for column in risk_flags().values() %}
        risks.{{ column }},
        risks.{{ column }}_since,
        {%- endfor %}
        risks.risk_flag_count,
        risks.risk_score,
        risks.is_at_risk,
        risks.at_risk_since,
        risks.risk_sentence,
        preferred_scores.model_version,
        cast(preferred_scores.win_probability as decimal(18, 6)) as win_probability,
        cast(preferred_scores.win_probability_low as decimal(18, 6)) as win_probability_low,
        cast(preferred_scores.win_probability_high as decimal(18, 6)) as win_probability_high,
        cast(preferred_scores.expected_amount as decimal(18, 2)) as expected_amount,
        preferred_scores.top_factors,
        preferred_scores.data_sufficiency,
        risks.as_of_date
    from risks
    inner join signals on risks.opportunity_id = signals.opportunity_id
    left join involvement
        on
            risks.opportunity_id = involvement.opportunity_id
            and risks.date_day = involvement.date_day
    left join accounts on signals.account_id = accounts.account_id
    left join users on signals.owner_user_id = users.user_id
    left join preferred_scores
        on
            risks.opportunity_id = preferred_scores.opportunity_id
            and risks.as_of_date = preferred_scores.as_of_date
            and preferred_scores.preference = 1
)

select * from final
order by close_date, opportunity_id
