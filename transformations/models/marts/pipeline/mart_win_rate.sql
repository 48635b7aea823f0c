{#- Each basis: which deals it counts, in the period of which day, and what a deal weighs. -#}
{%- set bases = [
    {"basis": "closed_count", "where": "is_decided", "day": "close_date", "weight": "1"},
    {"basis": "closed_value", "where": "is_decided and amount is not null",
     "day": "close_date", "weight": "amount"},
    {"basis": "closed_narrow", "where": "is_decided and not is_no_decision",
     "day": "close_date", "weight": "1"},
    {"basis": "cohort", "where": "is_decided or is_open", "day": "created_date", "weight": "1"}
] -%}

with

reporting_periods as (
    select * from {{ ref('mart_reporting_period') }}
),

opportunities as (
    select * from {{ ref('fct_opportunity') }}
    where not is_deleted
),

accounts as (
    select * from {{ ref('dim_account') }}
    where is_current
),

users as (
    select * from {{ ref('dim_user') }}
    where is_current
),

segment_types as (
    {{ segment_types() }}
),

deals as (
    select
        opportunities.*,
        (opportunities.is_won or opportunities.is_lost)
        and opportunities.is_eligible_for_win_rate as is_decided,
        opportunities.is_lost
        and {{ is_no_decision_loss('opportunities.loss_reason') }} as is_no_decision,
        {{ segment_columns('opportunities.opportunity_type') }}
    from opportunities
    left join accounts on opportunities.account_id = accounts.account_id
    left join users on opportunities.owner_user_id = users.user_id
),

counted as (
    {%- for basis in bases %}
    {%- if not loop.first %}
    union all
    {%- endif %}
    select
        '{{ basis.basis }}' as basis,
        {{ basis.day }} as date_day,
        account_segment,
        region,
        sales_region,
        deal_type,
        team,
        cast(
            sum(case when is_won then {{ basis.weight }} else 0 end) as decimal(18, 2)
        ) as numerator,
        cast(sum({{ basis.weight }}) as decimal(18, 2)) as denominator,
        sum(case when is_won then 1 else 0 end) as won_count,
        sum(case when is_lost then 1 else 0 end) as lost_count,
        sum(case when is_open then 1 else 0 end) as open_count
    from deals
    where {{ basis.where }}
    group by {{ basis.day }}, account_segment, region, sales_region, deal_type, team
    {%- endfor %}
),

segmented as (
    select
        counted.*,
        segment_types.segment_type,
        {{ segment() }} as segment
    from counted
    cross join segment_types
),

totals as (
    select
        reporting_periods.period_type,
        reporting_periods.period_start,
        segmented.segment_type,
        segmented.segment,
        segmented.basis,
        sum(segmented.numerator) as numerator,
        sum(segmented.denominator) as denominator,
        sum(segmented.won_count) as won_count,
        sum(segmented.lost_count) as lost_count,
        sum(segmented.open_count) as open_count
    from segmented
    inner join reporting_periods
        on
            segmented.date_day
            between reporting_periods.period_start and reporting_periods.period_to_date
    group by
        reporting_periods.period_type,
        reporting_periods.period_start,
        segmented.segment_type,
        segmented.segment,
        segmented.basis
),

segments as (
    select distinct
        segment_type,
        segment
    from segmented
),

bases as (
    {%- for basis in bases %}
    {%- if not loop.first %}
    union all
    {%- endif %}
    select '{{ basis.basis }}' as basis
    {%- endfor %}
),

-- Every period shows every segment and basis, also where nothing was decided.
grid as (
    select
        reporting_periods.*,
        segments.segment_type,
        segments.segment,
        bases.basis
    from reporting_periods
    cross join segments
    cross join bases
),

filled as (
    select
        grid.*,
        cast(coalesce(totals.numerator, 0) as decimal(18, 2)) as numerator,
        cast(coalesce(totals.denominator, 0) as decimal(18, 2)) as denominator,
        cast(coalesce(totals.won_count, 0) as bigint) as won_count,
        cast(coalesce(totals.lost_count, 0) as bigint) as lost_count,
        cast(coalesce(totals.open_count, 0) as bigint) as open_count
    from grid
    left join totals
        on
            grid.period_type = totals.period_type
            and grid.period_start = totals.period_start
            and grid.segment_type = totals.segment_type
            and grid.segment = totals.segment
            and grid.basis = totals.basis
),

final as (
    select
        period_type,
        period_name,
        period_start,
        period_end,
        is_complete_period,
        segment_type,
        segment,
        basis,
        numerator,
        denominator,
        {{ rate('numerator', 'denominator') }} as win_rate,
        case
            when basis <> 'closed_value'
                then {{ wilson_bound('numerator', 'denominator', 'low') }}
        end as win_rate_low,
        case
            when basis <> 'closed_value'
                then {{ wilson_bound('numerator', 'denominator', 'high') }}
        end as win_rate_high,
        won_count,
        lost_count,
        open_count,
        case
            when basis = 'cohort' then {{ rate('won_count + lost_count', 'denominator') }}
        end as maturity_rate,
        case when basis = 'cohort' then {{ day_count('period_to_date', 'as_of_date') }} - 1 end
            as cohort_age_days,
        as_of_date
    from filled
)

select * from final
order by period_start, period_type, segment_type, segment, basis
