with

curves as (
    select
        *,
        lag(win_rate) over (
            partition by period_type, period_start, segment_type, segment
            order by age_days
        ) as win_rate_before
    from {{ ref('mart_win_rate_curve') }}
)

select * from curves
where
    abs(win_rate + loss_rate + undecided_rate - 1) > 0.000002
    or win_rate < win_rate_before
    or win_rate < win_rate_low
    or win_rate > win_rate_high
    or won_count + lost_count + undecided_count > deal_count
