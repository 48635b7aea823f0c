with

published as (
    select
        81 as successes,
        263 as trials,
        0.2553 as low,
        0.3662 as high
    union all
    select
        15 as successes,
        148 as trials,
        0.0624 as low,
        0.1605 as high
    union all
    select
        0 as successes,
        20 as trials,
        0.0000 as low,
        0.1611 as high
    union all
    select
        1 as successes,
        29 as trials,
        0.0061 as low,
        0.1718 as high
    union all
    select
        0 as successes,
        0 as trials,
        null as low,
        null as high
),

computed as (
    select
        *,
        {{ wilson_bound('successes', 'trials', 'low') }} as computed_low,
        {{ wilson_bound('successes', 'trials', 'high') }} as computed_high
    from published
)

select * from computed
where
    coalesce(abs(computed_low - low), 0) > 0.00005
    or coalesce(abs(computed_high - high), 0) > 0.00005
    or (trials = 0 and (computed_low is not null or computed_high is not null))
