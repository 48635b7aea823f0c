with

backtest as (
    select * from {{ ref('mart_deal_risk_backtest') }}
),

months as (
    select
        outcome,
        flag,
        sum(deal_count) as deal_count,
        sum(flagged_count) as flagged_count,
        sum(bad_count) as bad_count,
        sum(true_positive_count) as true_positive_count,
        sum(right_count) as right_count
    from backtest
    where scope = 'month_end'
    group by outcome, flag
),

together as (
    select * from backtest
    where scope = 'all'
)

select
    together.outcome,
    together.flag
from together
full outer join months
    on
        together.outcome = months.outcome
        and together.flag = months.flag
where
    together.deal_count is distinct from months.deal_count
    or together.flagged_count is distinct from months.flagged_count
    or together.bad_count is distinct from months.bad_count
    or together.true_positive_count is distinct from months.true_positive_count
    or together.right_count is distinct from months.right_count
    or together.true_positive_count > least(together.flagged_count, together.bad_count)
    or together.right_count
    <> together.deal_count
    - together.flagged_count
    - together.bad_count
    + 2 * together.true_positive_count
