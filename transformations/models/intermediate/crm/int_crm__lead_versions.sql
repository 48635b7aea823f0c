with

staged as (
    {{ union_systems('crm', object='lead_versions', columns=[
        'source_system', 'source_id', 'owner_user_source_id', 'converted_account_source_id',
        'converted_contact_source_id', 'converted_opportunity_source_id', 'name', 'email',
        'company', 'title', 'status', 'lead_source', 'industry', 'rating', 'country',
        'region', 'employee_count', 'is_converted', 'is_email_valid', 'is_deleted', 'converted_at',
        'created_at', 'modified_at', 'load_id'
    ]) }}
),

countries as (
    select * from {{ ref('countries') }}
),

visible as (
    {{ visible_versions('staged', key='source_system, source_id') }}
),

final as (
    select
        {{ global_id('visible.source_system', 'visible.source_id') }} as lead_id,
        visible.source_system,
        visible.source_id,
        visible.name,
        visible.email,
        visible.company,
        visible.title,
        visible.status,
        visible.lead_source,
        visible.industry,
        visible.rating,
        coalesce(countries.country, visible.country) as country,
        coalesce(visible.region, countries.region) as region,
        visible.employee_count,
        {{ global_id('visible.source_system', 'visible.owner_user_source_id') }} as owner_user_id,
        visible.is_converted,
        visible.converted_at,
        {{ global_id('visible.source_system', 'visible.converted_account_source_id') }}
            as converted_account_id,
        {{ global_id('visible.source_system', 'visible.converted_contact_source_id') }}
            as converted_contact_id,
        {{ global_id('visible.source_system', 'visible.converted_opportunity_source_id') }}
            as converted_opportunity_id,
        visible.is_email_valid,
        visible.is_deleted,
        visible.created_at,
        visible.modified_at,
        visible.load_id
    from visible
    left join countries
        on lower(visible.country) = countries.spelling
)

select * from final
