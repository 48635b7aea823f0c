-- Every activity is in mart_activity once, as work, as not held or as a machine's.
with

activities as (
    select * from {{ ref('fct_activity') }}
),

matches as (
    select * from {{ ref('bridge_activity_opportunity') }}
),

core_totals as (
    select
        activities.occurred_date as date_day,
        activities.activity_type,
        count(*) as activities,
        sum(case when activities.is_automated then 1 else 0 end) as automated,
        count(case when not activities.is_automated then matches.activity_id end)
        - count(
            case
                when
                    not activities.is_automated
                    and lower(activities.outcome) in ('cancelled', 'canceled')
                    then matches.activity_id
            end
        ) as matched
    from activities
    left join matches
        on activities.activity_id = matches.activity_id
    group by activities.occurred_date, activities.activity_type
),

mart_totals as (
    select
        date_day,
        activity_type,
        sum(activity_count + not_held_count + automated_count) as activities,
        sum(automated_count) as automated,
        sum(matched_count) as matched
    from {{ ref('mart_activity') }}
    group by date_day, activity_type
)

select
    core_totals.*,
    mart_totals.activities as mart_activities,
    mart_totals.automated as mart_automated,
    mart_totals.matched as mart_matched
from core_totals
left join mart_totals
    on
        core_totals.date_day = mart_totals.date_day
        and core_totals.activity_type = mart_totals.activity_type
where
    mart_totals.activities is null
    or core_totals.activities <> mart_totals.activities
    or core_totals.automated <> mart_totals.automated
    or core_totals.matched <> mart_totals.matched
