-- Each cut of a period holds the period's e-mails, calls, meetings and events, each once.
with

periods as (
    select * from {{ ref('mart_reporting_period') }}
),

activities as (
    select * from {{ ref('fct_activity') }}
    where activity_type in ('email', 'call', 'meeting', 'event')
),

core_totals as (
    select
        periods.period_type,
        periods.period_start,
        activities.activity_type,
        activities.is_automated,
        count(*) as activities
    from activities
    inner join periods
        on activities.occurred_date between periods.period_start and periods.period_to_date
    group by
        periods.period_type,
        periods.period_start,
        activities.activity_type,
        activities.is_automated
),

mart_totals as (
    select
        period_type,
        period_start,
        segment_type,
        activity_type,
        is_automated,
        sum(activity_count) as activities
    from {{ ref('mart_engagement') }}
    group by period_type, period_start, segment_type, activity_type, is_automated
),

cuts as (
    {{ segment_types() }}
)

select
    core_totals.*,
    cuts.segment_type,
    mart_totals.activities as mart_activities
from core_totals
cross join cuts
left join mart_totals
    on
        core_totals.period_type = mart_totals.period_type
        and core_totals.period_start = mart_totals.period_start
        and core_totals.activity_type = mart_totals.activity_type
        and core_totals.is_automated = mart_totals.is_automated
        and cuts.segment_type = mart_totals.segment_type
where
    mart_totals.activities is null
    or core_totals.activities <> mart_totals.activities
