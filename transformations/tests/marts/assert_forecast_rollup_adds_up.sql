with

rollup as (
    select * from {{ ref('mart_forecast_rollup') }}
),

sums as (
    select
        snapshot_date,
        period_start,
        hierarchy,
        category,
        node_type,
        sum(amount) as amount,
        sum(amount_constant) as amount_constant,
        sum(cumulative_amount) as cumulative_amount,
        sum(opportunity_count) as opportunity_count,
        sum(coalesce(rep_submission_amount, 0)) as rep_submission_amount,
        sum(coalesce(override_amount, 0)) as override_amount,
        sum(coalesce(adjustment_amount, 0)) as adjustment_amount,
        sum(coalesce(quota_amount, 0)) as quota_amount
    from rollup
    where node_type <> 'manager'
    group by
        snapshot_date,
        period_start,
        hierarchy,
        category,
        node_type
),

-- both hierarchies hold the same deals: the company's figures agree between them
company as (
    select * from sums
    where
        node_type = 'company'
        and hierarchy = 'stamped'
),

kinds as (
    select distinct
        hierarchy,
        node_type
    from sums
)

select
    company.snapshot_date,
    company.period_start,
    company.category,
    kinds.hierarchy,
    kinds.node_type,
    sums.amount,
    company.amount as company_amount
from company
cross join kinds
left join sums
    on
        company.snapshot_date = sums.snapshot_date
        and company.period_start = sums.period_start
        and company.category = sums.category
        and kinds.hierarchy = sums.hierarchy
        and kinds.node_type = sums.node_type
where
    sums.amount is distinct from company.amount
    or sums.amount_constant is distinct from company.amount_constant
    or sums.cumulative_amount is distinct from company.cumulative_amount
    or sums.opportunity_count is distinct from company.opportunity_count
    or sums.rep_submission_amount is distinct from company.rep_submission_amount
    or sums.override_amount is distinct from company.override_amount
    or sums.adjustment_amount is distinct from company.adjustment_amount
    or sums.quota_amount is distinct from company.quota_amount
