with

staged as (
    {{ union_systems('crm', object='account_versions', columns=[
        'source_system', 'source_id', 'parent_account_source_id', 'merged_into_account_source_id',
        'owner_user_source_id', 'name', 'account_type', 'industry', 'segment', 'country', 'region',
        'website', 'employee_count', 'annual_revenue', 'is_deleted', 'created_at', 'modified_at',
        'load_id'
    ]) }}
),

segments as (
    select * from {{ ref('segments') }}
),

countries as (
    select * from {{ ref('countries') }}
),

visible as (
    {{ visible_versions('staged', key='source_system, source_id') }}
),

final as (
    select
        {{ global_id('visible.source_system', 'visible.source_id') }} as account_id,
        visible.source_system,
        visible.source_id,
        visible.name,
        {{ global_id('visible.source_system', 'visible.parent_account_source_id') }}
            as parent_account_id,
        {{ global_id('visible.source_system', 'visible.merged_into_account_source_id') }}
            as merged_into_account_id,
        visible.industry,
        coalesce({{ canonical_segment('visible.segment') }}, segments.segment) as segment,
        visible.employee_count,
        visible.annual_revenue,
        coalesce(countries.country, visible.country) as country,
        coalesce(visible.region, countries.region) as region,
        {{ global_id('visible.source_system', 'visible.owner_user_source_id') }} as owner_user_id,
        visible.account_type,
        visible.website,
        visible.is_deleted,
        visible.created_at,
        visible.modified_at,
        visible.load_id
    from visible
    left join segments
        on
            visible.employee_count >= segments.minimum_employee_count
            and (
                visible.employee_count <= segments.maximum_employee_count
                or segments.maximum_employee_count is null
            )
    left join countries
        on lower(visible.country) = countries.spelling
)

select * from final
