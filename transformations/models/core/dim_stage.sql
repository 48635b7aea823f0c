with

stages as (
    select * from {{ ref('int_crm__stages') }}
),

final as (
    select
        {{ dbt.hash("source_system || '|' || source_pipeline || '|' || source_stage") }}
            as stage_key,
        source_system,
        source_pipeline,
        source_stage,
        stage,
        stage_order,
        default_probability,
        forecast_category,
        is_open,
        is_won,
        is_lost
    from stages
)

select * from final
