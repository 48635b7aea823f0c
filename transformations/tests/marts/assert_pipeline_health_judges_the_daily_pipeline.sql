-- The company's open deals and their amount are those of the daily pipeline, the reps' overdue and
-- stalled deals add up to the company's, and every score lies between 0 and 100.
with

health_parts as (
    select * from {{ ref('mart_pipeline_health_part') }}
),

daily as (
    select
        date_day,
        sum(opportunity_count) as opportunity_count,
        sum(amount) as amount
    from {{ ref('mart_pipeline_daily') }}
    group by date_day
),

judged as (
    select
        health_parts.date_day,
        health_parts.part,
        health_parts.denominator as stated,
        case health_parts.part
            when 'overdue' then coalesce(daily.opportunity_count, 0)
            else coalesce(daily.amount, 0)
        end as expected
    from health_parts
    left join daily
        on health_parts.date_day = daily.date_day
    where
        health_parts.node_type = 'company'
        and health_parts.part in ('overdue', 'concentration')
),

sums as (
    select
        date_day,
        part,
        sum(case when node_type = 'company' then numerator else 0 end) as stated,
        sum(case when node_type = 'rep' then numerator else 0 end) as expected
    from health_parts
    where part in ('overdue', 'stalled')
    group by
        date_day,
        part
),

scores as (
    select
        date_day,
        part,
        score as stated,
        greatest(least(score, 100), 0) as expected
    from health_parts
    where score is not null
)

select * from judged
where stated <> expected
union all
select * from sums
where stated <> expected
union all
select * from scores
where stated <> expected
