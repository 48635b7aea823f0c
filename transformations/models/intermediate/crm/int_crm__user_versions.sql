with

staged as (
    {{ union_systems('crm', object='user_versions', columns=[
        'source_system', 'source_id', 'role_source_id', 'manager_user_source_id', 'name', 'email',
        'role', 'role_name', 'title', 'region', 'team', 'time_zone', 'is_active', 'is_deleted',
        'hired_on', 'left_on', 'created_at', 'modified_at', 'load_id'
    ]) }}
),

roles as (
    select * from {{ ref('stg_salesforce__user_roles') }}
),

visible as (
    {{ visible_versions('staged', key='source_system, source_id') }}
),

named as (
    select
        visible.*,
        coalesce(visible.role_name, roles.name) as given_role_name
    from visible
    left join roles
        on
            visible.source_system = roles.source_system
            and visible.role_source_id = roles.source_id
),

judged as (
    select
        *,
        {{ canonical_role('title') }} as role_by_title,
        {{ canonical_role('given_role_name') }} as role_by_name
    from named
),

final as (
    select
        {{ global_id('source_system', 'source_id') }} as user_id,
        source_system,
        source_id,
        name,
        email,
        -- what the source says, else what the title says, else the place in the hierarchy
        case
            when lower(role) in ('ae', 'bdr', 'se') then upper(role)
            when lower(role) in ('manager', 'other') then lower(role)
            when role_by_title <> 'other' then role_by_title
            else coalesce(role_by_name, 'other')
        end as role,
        given_role_name as role_name,
        title,
        {{ global_id('source_system', 'manager_user_source_id') }} as manager_user_id,
        region,
        team,
        is_active,
        hired_on,
        left_on,
        time_zone,
        is_deleted,
        created_at,
        modified_at,
        load_id
    from judged
)

select * from final
