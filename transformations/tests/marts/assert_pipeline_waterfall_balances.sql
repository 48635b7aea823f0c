-- Three ways in which a waterfall could be wrong: its bars don't add up to its end, its start and
-- end are not the pipeline of those evenings, or its nodes don't add up to the company.
with

waterfall as (
    select
        *,
        case
            when bucket in ('scope_in', 'scope_out') then 'scope'
            else bucket
        end as additive_bucket
    from {{ ref('mart_pipeline_waterfall') }}
),

daily as (
    select
        date_day,
        count(*) as opportunity_count,
        sum(coalesce(amount, 0)) as amount
    from {{ ref('fct_opportunity_daily') }}
    where is_open
    group by date_day
),

unbalanced as (
    select
        'bars do not add up to the end' as problem,
        period_type,
        from_date,
        to_date,
        scope,
        hierarchy,
        node_id,
        sum(case when bucket = 'end' then amount else 0 end) as stated,
        sum(case when bucket = 'end' then 0 else amount end) as expected
    from waterfall
    group by
        period_type,
        from_date,
        to_date,
        scope,
        hierarchy,
        node_type,
        node_id
    having
        sum(case when bucket = 'end' then -amount else amount end) <> 0
        or sum(case when bucket = 'end' then -amount_constant else amount_constant end) <> 0
        or sum(
            case
                when bucket in ('increased', 'decreased', 'currency') then 0
                when bucket in ('pushed', 'won', 'lost', 'deleted', 'scope_out', 'end')
                    then -opportunity_count
                else opportunity_count
            end
        ) <> 0
),

ends as (
    select
        'start or end is not the pipeline of the evening' as problem,
        waterfall.period_type,
        waterfall.from_date,
        waterfall.to_date,
        waterfall.scope,
        waterfall.hierarchy,
        waterfall.node_id,
        waterfall.amount as stated,
        coalesce(daily.amount, 0) as expected
    from waterfall
    left join daily
        on
            daily.date_day
            = case waterfall.bucket when 'start' then waterfall.from_date else waterfall.to_date end
    where
        waterfall.bucket in ('start', 'end')
        and waterfall.scope = 'all_open'
        and waterfall.node_type = 'company'
        and (
            waterfall.amount <> coalesce(daily.amount, 0)
            or waterfall.opportunity_count <> coalesce(daily.opportunity_count, 0)
        )
),

sums as (
    select
        period_type,
        from_date,
        to_date,
        scope,
        hierarchy,
        node_type,
        additive_bucket,
        sum(amount) as amount
    from waterfall
    where node_type <> 'manager'
    group by
        period_type,
        from_date,
        to_date,
        scope,
        hierarchy,
        node_type,
        additive_bucket
),

split as (
    select
        'nodes do not add up to the company' as problem,
        period_type,
        from_date,
        to_date,
        scope,
        hierarchy,
        additive_bucket as node_id,
        min(amount) as stated,
        max(amount) as expected
    from sums
    group by
        period_type,
        from_date,
        to_date,
        scope,
        hierarchy,
        additive_bucket
    having
        min(amount) <> max(amount)
        -- a change of scope that the company doesn't have must cancel out
        or (count(*) < 4 and (additive_bucket <> 'scope' or max(abs(amount)) <> 0))
)

select * from unbalanced
union all
select * from ends
union all
select * from split
