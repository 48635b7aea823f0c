-- A rule that infers a deal takes only one that was in the pipeline when the activity took place or
-- had left it at most seven days before: the deal has a daily row in that week.
with

inferred_matches as (
    select
        matches.activity_id,
        matches.opportunity_id,
        matches.match_rule,
        activities.occurred_date,
        cast({{ dbt.dateadd('day', -7, 'activities.occurred_date') }} as date) as earliest_day
    from {{ ref('bridge_activity_opportunity') }} as matches
    inner join {{ ref('fct_activity') }} as activities
        on matches.activity_id = activities.activity_id
    where matches.match_rule <> 'crm_link'
),

lives as (
    select
        opportunity_id,
        min(date_day) as first_day,
        max(date_day) as last_day
    from {{ ref('fct_opportunity_daily') }}
    group by opportunity_id
)

select inferred_matches.*
from inferred_matches
left join lives
    on
        inferred_matches.opportunity_id = lives.opportunity_id
        and inferred_matches.occurred_date >= lives.first_day
        and inferred_matches.earliest_day <= lives.last_day
where lives.opportunity_id is null
