{%- set parts = [
    "coverage", "creation", "stalled", "stage_maturity", "slip_rate", "inactive", "win_rate_trend",
    "overdue", "concentration"
] -%}
{#- With less of the weight than this there is no score. -#}
{%- set least_measured_share = 0.5 -%}

with

health_parts as (
    select * from {{ ref('mart_pipeline_health_part') }}
),

node_days as (
    select
        date_day,
        hierarchy,
        node_type,
        node_id,
        node_name,
        as_of_date,
        {% for part in parts -%}
        max(case when part = '{{ part }}' then part_value end) as {{ part }},
        max(case when part = '{{ part }}' then score end) as {{ part }}_score,
        {% endfor -%}
        sum(weight) as weight,
        sum(case when score is not null then weight else 0 end) as measured_weight,
        sum(weight * score) as weighted_score,
        sum(case when is_warning then 1 else 0 end) as warning_count,
        min(warning_since) as warning_since,
        {{ string_agg('sentence', ' ', 'weight desc, part') }} as warnings
    from health_parts
    group by
        date_day,
        hierarchy,
        node_type,
        node_id,
        node_name,
        as_of_date
),

-- of the parts that cost the score most, the first
weakest_parts as (
    select
        date_day,
        hierarchy,
        node_type,
        node_id,
        part,
        row_number() over (
            partition by date_day, hierarchy, node_type, node_id
            order by weight * (100 - score) desc, part
        ) as place
    from health_parts
    where score < 100 and weight > 0
),

scored as (
    select
        *,
        {{ rate('measured_weight', 'weight') }} as measured_share,
        case
            when measured_weight >= {{ least_measured_share }} * weight
                then
                    cast(
                        cast(weighted_score as double)
                        / nullif(cast(measured_weight as double), 0)
                        as decimal(9, 2)
                    )
        end as health_score
    from node_days
),

final as (
    select
        scored.date_day,
        scored.hierarchy,
        scored.node_type,
        scored.node_id,
        scored.node_name,
        scored.health_score,
        earlier.health_score as health_score_4_weeks_before,
        cast(scored.health_score - earlier.health_score as decimal(9, 2))
            as health_score_change,
        scored.measured_share,
        weakest_parts.part as weakest_part,
        cast(scored.warning_count as bigint) as warning_count,
        scored.warning_since,
        scored.warnings,
        {% for part in parts -%}
        scored.{{ part }},
        scored.{{ part }}_score,
        {% endfor -%}
        scored.as_of_date
    from scored
    -- the Sunday at least four weeks before; there is one a week
    left join scored as earlier
        on
            earlier.date_day between {{ days_after(-34, 'scored.date_day') }}
            and {{ days_after(-28, 'scored.date_day') }}
            and scored.hierarchy = earlier.hierarchy
            and scored.node_type = earlier.node_type
            and scored.node_id = earlier.node_id
    left join weakest_parts
        on
            scored.date_day = weakest_parts.date_day
            and scored.hierarchy = weakest_parts.hierarchy
            and scored.node_type = weakest_parts.node_type
            and scored.node_id = weakest_parts.node_id
            and weakest_parts.place = 1
)

select * from final
order by date_day, hierarchy, node_type, node_id
