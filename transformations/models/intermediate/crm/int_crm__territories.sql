with

staged as (
    {{ union_systems('crm', object='territories', columns=[
        'source_system', 'source_id', 'parent_territory_source_id', 'name', 'region', 'modified_at'
    ]) }}
),

regions as (
    select distinct region from {{ ref('countries') }}
),

final as (
    select
        {{ global_id('staged.source_system', 'staged.source_id') }} as territory_id,
        staged.source_system,
        staged.source_id,
        staged.name,
        {{ global_id('staged.source_system', 'staged.parent_territory_source_id') }}
            as parent_territory_id,
        coalesce(staged.region, regions.region) as region,
        staged.modified_at
    from staged
    -- a territory is often called after its region, such as EMEA Enterprise
    left join regions
        on staged.name || ' ' like regions.region || ' %'
)

select * from final
