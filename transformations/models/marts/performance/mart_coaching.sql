with

measured as (
    select * from {{ ref('mart_rep_behaviour') }}
),

gaps as (
    select * from {{ ref('coaching_gaps') }}
),

users as (
    select * from {{ ref('dim_user') }}
),

opportunities as (
    select * from {{ ref('fct_opportunity') }}
    where not is_deleted
),

accounts as (
    select * from {{ ref('dim_account') }}
    where is_current
),

quotas as (
    select * from {{ ref('mart_quota_attainment') }}
),

-- Whom a seller sells to: the size class of most deals of the last year.
main_segments as (
    select
        user_id,
        segment
    from (
        select
            opportunities.owner_user_id as user_id,
            accounts.segment,
            row_number() over (
                partition by opportunities.owner_user_id
                order by count(*) desc, accounts.segment
            ) as preference
        from opportunities
        inner join accounts on opportunities.account_id = accounts.account_id
        where
            accounts.segment is not null
            and {{ dbt.datediff('opportunities.close_date', 'opportunities.as_of_date', 'day') }}
            < 365
        group by opportunities.owner_user_id, accounts.segment
    ) as ranked
    where preference = 1
),

seller_weeks as (
    select distinct
        measured.user_id,
        measured.week_start,
        measured.week_end,
        users.name as user_name,
        users.role,
        users.team,
        main_segments.segment
    from measured
    inner join users
        on
            measured.user_id = users.user_id
            and {{ days_after('1', 'measured.week_end') }} > users.valid_from
            and (
                users.valid_to is null
                or {{ days_after('1', 'measured.week_end') }} <= users.valid_to
            )
    left join main_segments on measured.user_id = main_segments.user_id
),

-- Attainment of the periods that had ended, in the year up to the week.
attained as (
    select
        seller_weeks.user_id,
        seller_weeks.week_start,
        seller_weeks.role,
        quotas.measure,
        sum(quotas.attained_amount) as attained_amount,
        sum(quotas.quota_amount) as quota_amount,
        row_number() over (
            partition by seller_weeks.user_id, seller_weeks.week_start
            order by quotas.measure
        ) as preference
    from seller_weeks
    inner join quotas
        on
            seller_weeks.user_id = quotas.user_id
            and seller_weeks.week_end >= quotas.period_end
            and {{ days_after('-364', 'seller_weeks.week_end') }} <= quotas.period_end
    group by
        seller_weeks.user_id,
        seller_weeks.week_start,
        seller_weeks.role,
        quotas.measure
    having sum(quotas.quota_amount) > 0
),

ranked_by_attainment as (
    select
        user_id,
        week_start,
        {{ rate('attained_amount', 'quota_amount') }} as attainment_rate,
        {{ percentile_among_others(
            'attained_amount / quota_amount', ['week_start', 'role', 'measure']
        ) }} as attainment_percentile
    from attained
    where preference = 1
),

judged as (
    select
        measured.*,
        seller_weeks.user_name,
        seller_weeks.role,
        seller_weeks.team,
        seller_weeks.segment,
        gaps.name as gap_name,
        gaps.unit,
        gaps.better,
        gaps.minimum_peers,
        gaps.threshold_sd,
        gaps.threshold_percentile,
        gaps.advice,
        measured.behaviour || coalesce(' in ' || measured.stage, '') as gap,
        cast(measured.value as double)
        * case when gaps.better = 'higher' then 1 else -1 end as goodness
    from measured
    inner join gaps on measured.behaviour = gaps.behaviour
    inner join seller_weeks
        on
            measured.user_id = seller_weeks.user_id
            and measured.week_start = seller_weeks.week_start
    where measured.sample_count >= gaps.minimum_sample and measured.value is not null
),

-- The others of the same role and size class, or of the role where those are too few.
grouped as (
    select
        *,
        case
            when
                segment is not null
                and count(*) over (partition by week_start, gap, role, segment) > minimum_peers
                then role || ', ' || segment
            else role
        end as narrow_group
    from judged
),

candidates as (
    select
        *,
        narrow_group as peer_group,
        true as is_compared
    from grouped
    where narrow_group <> role
    union all
    -- whoever has a group of their own still is a peer of those who have none
    select
        *,
        role as peer_group,
        narrow_group = role as is_compared
    from grouped
),

compared as (
    select
        *,
        count(*) over (partition by week_start, gap, peer_group) - 1 as peer_count,
        sum(goodness) over (partition by week_start, gap, peer_group) - goodness as peer_sum,
        sum(goodness * goodness) over (partition by week_start, gap, peer_group)
        - goodness * goodness as peer_square_sum,
        {{ percentile_among_others('goodness', ['week_start', 'gap', 'peer_group']) }}
            as peer_percentile
    from candidates
),

-- Deviation from the others' mean, below zero where worse.
deviating as (
    select
        *,
        peer_sum / nullif(peer_count, 0) as peer_goodness,
        sqrt(
            greatest(peer_square_sum - peer_sum * peer_sum / nullif(peer_count, 0), 0)
            / nullif(peer_count - 1, 0)
        ) as peer_sd
    from compared
    where is_compared and peer_count >= minimum_peers
),

scored as (
    select
        *,
        case when better = 'higher' then peer_goodness else -peer_goodness end as peer_mean,
        -- what rounding leaves of equal values is no spread
        case when peer_sd > 0.0000001 then (goodness - peer_goodness) / peer_sd end as z_score,
        dense_rank() over (order by week_start) as week_number
    from deviating
),

raised as (
    select
        *,
        week_number - row_number() over (
            partition by user_id, gap
            order by week_number
        ) as run_number
    from scored
    where z_score <= -threshold_sd and peer_percentile <= threshold_percentile
),

dated as (
    select
        *,
        min(week_start) over (partition by user_id, gap, run_number) as since_week_start,
        row_number() over (
            partition by user_id, gap, run_number
            order by week_start
        ) as weeks_in_gap,
        {{ shown_value('value', 'unit') }} as value_text,
        {{ shown_value('peer_mean', 'unit') }} as peer_text
    from raised
),

final as (
    select
        dated.user_id,
        dated.user_name,
        dated.role,
        dated.team,
        dated.week_start,
        dated.week_end,
        dated.gap,
        dated.behaviour,
        dated.stage,
        dated.peer_group,
        dated.better,
        dated.numerator,
        dated.denominator,
        dated.sample_count,
        dated.value,
        cast(dated.peer_mean as decimal(18, 6)) as peer_mean,
        cast(cast(dated.value as double) - dated.peer_mean as decimal(18, 6)) as difference,
        cast(dated.peer_sd as decimal(18, 6)) as peer_sd,
        cast(dated.z_score as decimal(18, 4)) as z_score,
        cast(dated.peer_percentile as decimal(18, 6)) as peer_percentile,
        cast(dated.peer_count as bigint) as peer_count,
        dated.since_week_start,
        cast(dated.weeks_in_gap as integer) as weeks_in_gap,
        dated.open_deal_count,
        ranked_by_attainment.attainment_rate,
        ranked_by_attainment.attainment_percentile <= 0.25 as is_bottom_quartile,
        dated.gap_name || coalesce(' in ' || dated.stage, '') || ': ' || dated.value_text
        || ' against ' || dated.peer_text || ' of peers for '
        || {{ counted('dated.weeks_in_gap', 'week') }} || '; touches '
        || {{ counted('dated.open_deal_count', 'open deal') }} || '.'
        || coalesce(' ' || dated.advice, '') as coaching_sentence,
        dated.as_of_date
    from dated
    left join ranked_by_attainment
        on
            dated.user_id = ranked_by_attainment.user_id
            and dated.week_start = ranked_by_attainment.week_start
)

select * from final
order by week_start, user_id, gap
