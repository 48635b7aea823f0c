with

expected as (
    select
        coalesce(sum(case when is_won then 1 else 0 end), 0) as won_count,
        coalesce(sum(case when is_lost then 1 else 0 end), 0) as lost_count
    from {{ ref('fct_opportunity') }}
    where is_eligible_for_win_rate and close_date <= as_of_date
),

published as (
    select
        period_type,
        segment_type,
        sum(won_count) as won_count,
        sum(lost_count) as lost_count,
        sum(numerator) as numerator,
        sum(denominator) as denominator
    from {{ ref('mart_win_rate') }}
    where basis = 'closed_count'
    group by period_type, segment_type
)

select
    published.*,
    expected.won_count as expected_won_count,
    expected.lost_count as expected_lost_count
from published
cross join expected
where
    published.won_count <> expected.won_count
    or published.lost_count <> expected.lost_count
    or published.numerator <> expected.won_count
    or published.denominator <> expected.won_count + expected.lost_count
