with

metrics as (
    select * from {{ ref('metrics') }}
),

final as (
    select
        {{ dbt.hash("metric || '|' || cast(version as " ~ dbt.type_string() ~ ")") }}
            as metric_key,
        metric,
        version,
        name,
        description,
        formula,
        unit,
        direction,
        aggregation,
        subject,
        mart,
        level,
        parent as parent_metric,
        owner,
        cadence,
        tool,
        valid_from,
        valid_to,
        valid_from <= {{ as_of_date() }}
        and coalesce(valid_to > {{ as_of_date() }}, true) as is_current
    from metrics
)

select * from final
