-- One row per node of the evening: its name, what it is compared with (teams with teams, sellers
-- with sellers of their role), and the node above it, where most of its people are. Sellers who have
-- left are no nodes any more.
with

clock as (
    select cast(cast($as_of as date) + 1 as timestamp) as as_of_end
),

members as (
    select
        nodes.user_id,
        nodes.node_type,
        nodes.node_id,
        nodes.node_name
    from core.bridge_user_node as nodes
    cross join clock
    where
        nodes.valid_from < clock.as_of_end
        and coalesce(nodes.valid_to, timestamp '9999-12-31') >= clock.as_of_end
        and nodes.node_type in ('company', 'region', 'team', 'rep')
),

users as (
    select
        users.user_id,
        users.role,
        users.region
    from core.dim_user as users
    cross join clock
    where
        users.valid_from < clock.as_of_end
        and coalesce(cast(users.valid_to as timestamp), timestamp '9999-12-31') >= clock.as_of_end
        and coalesce(users.is_active, true)
        and (users.left_on is null or users.left_on >= cast($as_of as date))
),

above as (
    select
        lower_nodes.node_type,
        lower_nodes.node_id,
        upper_nodes.node_type as parent_type,
        upper_nodes.node_id as parent_id,
        row_number() over (
            partition by lower_nodes.node_type, lower_nodes.node_id
            order by count(*) desc, upper_nodes.node_id
        ) as rank
    from members as lower_nodes
    inner join members as upper_nodes
        on
            lower_nodes.user_id = upper_nodes.user_id
            and (lower_nodes.node_type, upper_nodes.node_type) in (
                ('rep', 'team'), ('team', 'region'), ('region', 'company')
            )
    group by
        lower_nodes.node_type, lower_nodes.node_id, upper_nodes.node_type, upper_nodes.node_id
),

regions as (
    select
        members.node_type,
        members.node_id,
        coalesce(users.region, 'All') as region,
        row_number() over (
            partition by members.node_type, members.node_id
            order by count(*) desc, coalesce(users.region, 'All')
        ) as rank
    from members
    left join users on members.user_id = users.user_id
    where members.node_type <> 'company'
    group by members.node_type, members.node_id, coalesce(users.region, 'All')
)

select distinct
    members.node_type,
    members.node_id,
    members.node_name,
    case
        when members.node_type = 'rep' then 'rep ' || coalesce(users.role, 'other')
        when members.node_type = 'team' then 'team'
    end as peer_group,
    above.parent_type,
    above.parent_id,
    coalesce(regions.region, 'All') as region
from members
left join users on members.user_id = users.user_id and members.node_type = 'rep'
left join above
    on members.node_type = above.node_type and members.node_id = above.node_id and above.rank = 1
left join regions
    on
        members.node_type = regions.node_type
        and members.node_id = regions.node_id
        and regions.rank = 1
where members.node_type <> 'rep' or users.user_id is not null
order by members.node_type, members.node_id
