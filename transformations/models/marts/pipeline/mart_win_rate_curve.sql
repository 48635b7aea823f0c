{%- set keys = "period_type, period_start, segment_type, segment" -%}
{%- set horizons = win_rate_horizons() -%}

with

reporting_periods as (
    select
        period_type,
        period_name,
        period_start,
        period_end,
        period_to_date
    from {{ ref('mart_reporting_period') }}
),

opportunities as (
    select * from {{ ref('fct_opportunity') }}
    where not is_deleted and (is_open or is_eligible_for_win_rate)
),

opportunity_lines as (
    select * from {{ ref('fct_opportunity_line') }}
    where not is_deleted
),

products as (
    select * from {{ ref('dim_product') }}
),

accounts as (
    select * from {{ ref('dim_account') }}
    where is_current
),

current_users as (
    select * from {{ ref('dim_user') }}
    where is_current
),

users as (
    {{ labelled_users('current_users') }}
),

main_products as (
    {{ main_products('opportunity_lines', 'products') }}
),

segment_types as (
    {{ segment_types(also=deal_cuts()) }}
),

periods as (
    select * from reporting_periods
    union all
    select
        'all' as period_type,
        'All' as period_name,
        min(period_start) as period_start,
        max(period_end) as period_end,
        max(period_to_date) as period_to_date
    from reporting_periods
    having count(*) > 0
),

-- Until when a deal was watched: up to its decision, else up to now.
deals as (
    select
        opportunities.created_date,
        opportunities.is_won,
        opportunities.is_lost,
        opportunities.as_of_date,
        greatest(
            {{ dbt.datediff(
                'opportunities.created_date',
                'case when opportunities.is_open then opportunities.as_of_date '
                ~ 'else least(opportunities.close_date, opportunities.as_of_date) end',
                'day'
            ) }},
            0
        ) as age_days,
        {{ deal_segment_columns('opportunities.opportunity_type', 'opportunities.owner_user_id') }}
    from opportunities
    left join accounts on opportunities.account_id = accounts.account_id
    left join users on opportunities.owner_user_id = users.user_id
    left join main_products on opportunities.opportunity_id = main_products.opportunity_id
),

segmented as (
    select
        periods.period_type,
        periods.period_start,
        segment_types.segment_type,
        {{ segment(also=deal_cuts()) }} as segment,
        deals.age_days,
        deals.is_won,
        deals.is_lost,
        deals.as_of_date
    from deals
    inner join periods
        on deals.created_date between periods.period_start and periods.period_to_date
    cross join segment_types
),

curves as (
    {{ event_curve(
        'segmented', keys.split(', '), 'age_days', {'won': 'is_won', 'lost': 'is_lost'},
        with_variance=true
    ) }}
),

steps as (
    select
        *,
        coalesce(
            lead(age_days) over (
                partition by {{ keys }}
                order by age_days
            ),
            1000000
        ) as next_age_days,
        coalesce(
            lead(at_risk_count) over (
                partition by {{ keys }}
                order by age_days
            ),
            0
        ) as undecided_count,
        sum(won_count) over (
            partition by {{ keys }}
            order by age_days
            rows between unbounded preceding and current row
        ) as won_so_far_count,
        sum(lost_count) over (
            partition by {{ keys }}
            order by age_days
            rows between unbounded preceding and current row
        ) as lost_so_far_count
    from curves
),

cohorts as (
    select
        {{ keys }},
        count(*) as deal_count,
        max(age_days) as longest_age_days,
        max(as_of_date) as as_of_date
    from segmented
    group by {{ keys }}
),

ages as (
    {%- for age in (range(30, 721, 30) | list + horizons) | unique | sort %}
    {%- if not loop.first %}
    union all
    {%- endif %}
    select
        {{ age }} as age_days,
        {{ "true" if age in horizons else "false" }} as is_horizon
    {%- endfor %}
),

points as (
    select
        cohorts.*,
        ages.age_days,
        ages.is_horizon
    from cohorts
    cross join ages
    where ages.age_days <= cohorts.longest_age_days or ages.is_horizon
    union all
    select
        cohorts.*,
        cohorts.longest_age_days as age_days,
        false as is_horizon
    from cohorts
    where cohorts.longest_age_days not in (select ages.age_days from ages)
),

-- Beyond the longest observation nothing is known, unless every deal was decided before.
measured as (
    select
        points.*,
        coalesce(steps.won_so_far_count, 0) as won_count,
        coalesce(steps.lost_so_far_count, 0) as lost_count,
        coalesce(steps.undecided_count, points.deal_count) as undecided_count,
        coalesce(points.age_days <= points.longest_age_days or steps.survival = 0, true)
            as is_observed,
        coalesce(steps.survival, 1) as undecided_rate,
        coalesce(steps.won_incidence, 0) as win_rate,
        coalesce(steps.lost_incidence, 0) as loss_rate,
        sqrt(greatest(coalesce(steps.won_variance, 0), 0)) as standard_error
    from points
    left join steps
        on
            points.period_type = steps.period_type
            and points.period_start = steps.period_start
            and points.segment_type = steps.segment_type
            and points.segment = steps.segment
            and points.age_days >= steps.age_days
            and points.age_days < steps.next_age_days
),

-- An interval on the scale of ln(-ln(rate)) stays within 0 and 1.
bounded as (
    select
        *,
        case
            when standard_error > 0.000000001 and win_rate > 0 and win_rate < 1
                then 1.959963985 * standard_error / (-win_rate * ln(win_rate))
        end as half_width
    from measured
),

final as (
    select
        bounded.period_type,
        periods.period_name,
        bounded.period_start,
        periods.period_end,
        bounded.segment_type,
        bounded.segment,
        cast(bounded.age_days as integer) as age_days,
        bounded.age_days = bounded.longest_age_days as is_longest_age,
        cast(bounded.deal_count as bigint) as deal_count,
        cast(bounded.won_count as bigint) as won_count,
        cast(bounded.lost_count as bigint) as lost_count,
        cast(bounded.undecided_count as bigint) as undecided_count,
        case when bounded.is_observed then cast(bounded.win_rate as decimal(18, 6)) end as win_rate,
        case
            when bounded.is_observed
                then cast(power(bounded.win_rate, exp(bounded.half_width)) as decimal(18, 6))
        end as win_rate_low,
        case
            when bounded.is_observed
                then cast(power(bounded.win_rate, exp(-bounded.half_width)) as decimal(18, 6))
        end as win_rate_high,
        case when bounded.is_observed then cast(bounded.loss_rate as decimal(18, 6)) end
            as loss_rate,
        case when bounded.is_observed then cast(bounded.undecided_rate as decimal(18, 6)) end
            as undecided_rate,
        bounded.as_of_date
    from bounded
    inner join periods
        on
            bounded.period_type = periods.period_type
            and bounded.period_start = periods.period_start
)

select * from final
order by period_start, period_type, segment_type, segment, age_days
