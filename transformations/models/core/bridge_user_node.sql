with

users as (
    select * from {{ ref('dim_user') }}
),

hierarchy as (
    select * from {{ ref('bridge_user_hierarchy') }}
),

names as (
    select
        user_id,
        coalesce(name, user_id) as name
    from users
    where is_current
),

managers as (
    select distinct ancestor_user_id as user_id
    from hierarchy
    where depth > 0
),

regions as (
    {{ spells('users', 'user_id', 'region') }}
),

teams as (
    {{ spells('users', 'user_id', 'team') }}
),

always as (
    select
        cast('1900-01-01 00:00:00' as timestamp) as valid_from,
        cast(null as timestamp) as valid_to
),

members as (
    select
        names.user_id,
        'company' as node_type,
        'All' as node_id,
        always.valid_from,
        always.valid_to
    from names
    cross join always
    union all
    select
        user_id,
        'region' as node_type,
        coalesce(region, 'Unknown') as node_id,
        valid_from,
        valid_to
    from regions
    union all
    select
        user_id,
        'team' as node_type,
        coalesce(team, 'Unknown') as node_id,
        valid_from,
        valid_to
    from teams
    union all
    select
        hierarchy.descendant_user_id as user_id,
        'manager' as node_type,
        hierarchy.ancestor_user_id as node_id,
        hierarchy.valid_from,
        hierarchy.valid_to
    from hierarchy
    inner join managers on hierarchy.ancestor_user_id = managers.user_id
    union all
    select
        names.user_id,
        'rep' as node_type,
        names.user_id as node_id,
        always.valid_from,
        always.valid_to
    from names
    cross join always
),

-- what nobody owns adds up to the company all the same
unassigned as (
    select
        'unassigned' as user_id,
        kinds.node_type,
        kinds.node_id,
        always.valid_from,
        always.valid_to
    from (
        select
            'company' as node_type,
            'All' as node_id
        union all
        select
            'region' as node_type,
            'Unknown' as node_id
        union all
        select
            'team' as node_type,
            'Unknown' as node_id
        union all
        select
            'rep' as node_type,
            'unassigned' as node_id
    ) as kinds
    cross join always
),

final as (
    select
        members.user_id,
        members.node_type,
        members.node_id,
        coalesce(names.name, members.node_id) as node_name,
        members.valid_from,
        members.valid_to,
        members.valid_to is null as is_current
    from members
    left join names
        on
            members.node_id = names.user_id
            and members.node_type in ('manager', 'rep')
    union all
    select
        user_id,
        node_type,
        node_id,
        case when node_type = 'rep' then 'Unassigned' else node_id end as node_name,
        valid_from,
        valid_to,
        true as is_current
    from unassigned
)

select * from final
