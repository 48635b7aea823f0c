with

activities as (
    select * from {{ ref('fct_activity') }}
),

matches as (
    select * from {{ ref('bridge_activity_opportunity') }}
),

opportunities as (
    select * from {{ ref('fct_opportunity') }}
),

accounts as (
    select * from {{ ref('dim_account') }}
    where is_current
),

users as (
    select * from {{ ref('dim_user') }}
    where is_current
),

nodes as (
    select * from {{ ref('bridge_user_node') }}
),

reporting_lines as (
    select * from {{ ref('bridge_user_hierarchy') }}
    where depth = 1
),

clock as (
    select {{ as_of_date() }} as as_of_date
),

judged as (
    select
        activity_id,
        occurred_date as date_day,
        occurred_at,
        coalesce(user_id, 'unassigned') as user_id,
        activity_type,
        coalesce(activity_subtype, 'unspecified') as activity_subtype,
        channel,
        coalesce(direction, 'unknown') as direction,
        account_id,
        coalesce(is_automated, false) as is_automated,
        {{ has_taken_place() }} as has_taken_place,
        {{ is_two_way() }} as is_two_way,
        coalesce(duration_seconds, 0) as duration_seconds
    from activities
),

-- the organisation as it was when the activity took place
stamped as (
    select
        judged.*,
        coalesce(regions.node_id, 'Unknown') as region,
        coalesce(teams.node_id, 'Unknown') as team,
        reporting_lines.ancestor_user_id as manager_user_id,
        matches.opportunity_id is not null as is_matched,
        coalesce(deal_accounts.segment, own_accounts.segment, 'Unknown') as segment
    from judged
    left join nodes as regions
        on
            judged.user_id = regions.user_id
            and regions.node_type = 'region'
            and {{ holds_at('regions', 'judged.occurred_at') }}
    left join nodes as teams
        on
            judged.user_id = teams.user_id
            and teams.node_type = 'team'
            and {{ holds_at('teams', 'judged.occurred_at') }}
    left join reporting_lines
        on
            judged.user_id = reporting_lines.descendant_user_id
            and {{ holds_at('reporting_lines', 'judged.occurred_at') }}
    left join matches
        on judged.activity_id = matches.activity_id
    left join opportunities
        on matches.opportunity_id = opportunities.opportunity_id
    left join accounts as deal_accounts
        on opportunities.account_id = deal_accounts.account_id
    left join accounts as own_accounts
        on judged.account_id = own_accounts.account_id
),

classified as (
    select
        *,
        has_taken_place and not is_automated as is_counted
    from stamped
),

counted as (
    select
        date_day,
        user_id,
        activity_type,
        activity_subtype,
        channel,
        direction,
        segment,
        region,
        team,
        manager_user_id,
        sum(case when is_counted then 1 else 0 end) as activity_count,
        sum(case when is_counted and is_two_way then 1 else 0 end) as two_way_count,
        sum(case when is_counted and is_matched then 1 else 0 end) as matched_count,
        sum(case when is_counted then duration_seconds else 0 end) / 60.0 as activity_minutes,
        sum(case when not is_automated and not has_taken_place then 1 else 0 end)
            as not_held_count,
        sum(case when is_automated then 1 else 0 end) as automated_count
    from classified
    group by
        date_day,
        user_id,
        activity_type,
        activity_subtype,
        channel,
        direction,
        segment,
        region,
        team,
        manager_user_id
),

final as (
    select
        counted.date_day,
        counted.user_id,
        counted.activity_type,
        counted.activity_subtype,
        counted.channel,
        counted.direction,
        counted.segment,
        counted.region,
        counted.team,
        counted.manager_user_id,
        coalesce(users.name, counted.user_id) as user_name,
        users.role as user_role,
        coalesce(current_regions.node_id, 'Unknown') as current_region,
        coalesce(current_teams.node_id, 'Unknown') as current_team,
        current_lines.ancestor_user_id as current_manager_user_id,
        cast(counted.activity_count as bigint) as activity_count,
        cast(counted.two_way_count as bigint) as two_way_count,
        cast(counted.matched_count as bigint) as matched_count,
        cast(counted.activity_count - counted.matched_count as bigint) as unmatched_count,
        cast(counted.activity_minutes as decimal(18, 2)) as activity_minutes,
        cast(counted.not_held_count as bigint) as not_held_count,
        cast(counted.automated_count as bigint) as automated_count,
        clock.as_of_date
    from counted
    cross join clock
    left join users
        on counted.user_id = users.user_id
    left join nodes as current_regions
        on
            counted.user_id = current_regions.user_id
            and current_regions.node_type = 'region'
            and current_regions.is_current
    left join nodes as current_teams
        on
            counted.user_id = current_teams.user_id
            and current_teams.node_type = 'team'
            and current_teams.is_current
    left join reporting_lines as current_lines
        on
            counted.user_id = current_lines.descendant_user_id
            and current_lines.is_current
)

select * from final
order by date_day, user_id, activity_type, activity_subtype, channel, direction, segment
