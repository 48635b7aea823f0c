with

vendor_stages as (
    select * from {{ ref('stages') }}
),

file_stages as (
    select * from {{ ref('stg_files__stages') }}
),

canonical as (
    select * from {{ ref('canonical_stages') }}
),

{%- set columns = [
    'source_system', 'source_pipeline', 'source_stage', 'stage', 'stage_order',
    'default_probability', 'forecast_category', 'is_open', 'is_won', 'is_lost'
] %}

given as (
    select
        {{ columns | join(',\n        ') }}
    from vendor_stages
    union all
    select
        {{ columns | join(',\n        ') }}
    from file_stages
),

final as (
    select
        given.source_system,
        given.source_pipeline,
        given.source_stage,
        canonical.stage,
        coalesce(given.stage_order, canonical.stage_order) as stage_order,
        coalesce(given.default_probability, canonical.default_probability) as default_probability,
        coalesce(
            {{ canonical_forecast_category('given.forecast_category') }},
            canonical.forecast_category
        ) as forecast_category,
        coalesce(given.is_open, canonical.is_open) as is_open,
        coalesce(given.is_won, canonical.is_won) as is_won,
        coalesce(given.is_lost, canonical.is_lost) as is_lost
    from given
    inner join canonical
        on lower(given.stage) = lower(canonical.stage)
)

select * from final
