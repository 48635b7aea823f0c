with

targets as (
    select * from {{ ref('targets') }}
),

phases as (
    select * from {{ ref('target_phases') }}
),

metrics as (
    select * from {{ ref('dim_metric') }}
    where is_current
),

final as (
    select
        targets.target_id,
        targets.metric,
        targets.node_type,
        targets.node_id,
        targets.phase,
        phases.name as phase_name,
        phases.first_day as valid_from,
        cast({{ dbt.dateadd('day', 1, 'phases.last_day') }} as date) as valid_to,
        targets.period_type,
        targets.comparison,
        targets.measured_as,
        targets.value as target_value,
        targets.upper_value,
        case when targets.measured_as = 'value' then metrics.unit else 'rate' end as unit,
        targets.baseline,
        targets.baseline_value,
        metrics.mart,
        targets.source_id,
        targets.source_document
    from targets
    left join phases on targets.phase = phases.phase
    left join metrics on targets.metric = metrics.metric
)

select * from final
