-- The bookings on all scorecards of a period are the company's, and so are wins and losses.
with

scorecards as (
    select
        period_type,
        period_start,
        sum(bookings_amount) as bookings_amount,
        sum(won_count) as won_count,
        sum(lost_count) as lost_count
    from {{ ref('mart_rep_scorecard') }}
    group by period_type, period_start
),

company as (
    select
        periods.period_type,
        periods.period_start,
        coalesce(sum(case when deals.is_won then deals.amount end), 0) as bookings_amount,
        count(case when deals.is_won and deals.is_eligible_for_win_rate then 1 end) as won_count,
        count(case when deals.is_lost and deals.is_eligible_for_win_rate then 1 end) as lost_count
    from {{ ref('mart_reporting_period') }} as periods
    inner join {{ ref('fct_opportunity') }} as deals
        on
            deals.close_date between periods.period_start and periods.period_end
            and periods.as_of_date >= deals.close_date
    where periods.period_type in ('month', 'fiscal_quarter')
    group by periods.period_type, periods.period_start
)

select
    company.*,
    scorecards.bookings_amount as shown_amount,
    scorecards.won_count as shown_won_count,
    scorecards.lost_count as shown_lost_count
from company
left join scorecards
    on
        company.period_type = scorecards.period_type
        and company.period_start = scorecards.period_start
where
    company.bookings_amount <> coalesce(scorecards.bookings_amount, 0)
    or company.won_count <> coalesce(scorecards.won_count, 0)
    or company.lost_count <> coalesce(scorecards.lost_count, 0)
