{%- set also = {"country": "country"} -%}

with

reporting_periods as (
    select * from {{ ref('mart_reporting_period') }}
),

opportunities as (
    select * from {{ ref('fct_opportunity') }}
    where not is_deleted
),

opportunity_days as (
    select * from {{ ref('fct_opportunity_daily') }}
),

quota_attainment as (
    select * from {{ ref('mart_quota_attainment') }}
    where measure = 'bookings' and quota_amount > 0
),

accounts as (
    select * from {{ ref('dim_account') }}
    where is_current
),

users as (
    select * from {{ ref('dim_user') }}
    where is_current
),

countries as (
    {{ country_codes() }}
),

clock as (
    select {{ as_of_date() }} as as_of_date
),

segment_types as (
    {{ segment_types(also) }}
),

windows as (
    {{ reporting_windows('reporting_periods') }}
),

created_and_won as (
    select
        windows.comparison,
        windows.period_type,
        windows.period_start,
        opportunities.amount,
        coalesce(countries.country_code, 'Unknown') as country,
        {{ segment_columns('opportunities.opportunity_type') }}
    from opportunities
    inner join windows
        on
            opportunities.close_date between windows.from_day and windows.to_day
            and opportunities.created_date between windows.from_day and windows.to_day
    left join accounts on opportunities.account_id = accounts.account_id
    left join countries on accounts.country = countries.country
    left join users on opportunities.owner_user_id = users.user_id
    where opportunities.is_won
),

-- What was due in the period on the eve of it, and whether it still is open with a later day when
-- the days are over. A deal that is overdue is still due: it has not been pushed.
due as (
    select
        windows.comparison,
        windows.period_type,
        windows.period_start,
        eve.amount,
        coalesce(countries.country_code, 'Unknown') as country,
        case
            when last_evening.is_open and last_evening.close_date > windows.window_end then 1
            else 0
        end as slipped_count,
        {{ segment_columns('opportunities.opportunity_type') }}
    from windows
    inner join opportunity_days as eve
        on
            {{ days_after(-1, 'windows.from_day') }} = eve.date_day
            and eve.is_open
            and eve.close_date between windows.from_day and windows.window_end
    left join opportunity_days as last_evening
        on
            eve.opportunity_id = last_evening.opportunity_id
            and windows.to_day = last_evening.date_day
    left join opportunities on eve.opportunity_id = opportunities.opportunity_id
    left join accounts on eve.account_id = accounts.account_id
    left join countries on accounts.country = countries.country
    left join users on eve.owner_user_id = users.user_id
),

-- Quotas whose own periods lie within the period. They are for whole periods, so a running one is
-- compared with no part of an earlier one.
quotas as (
    select
        'period' as comparison,
        reporting_periods.period_type,
        reporting_periods.period_start,
        quota_attainment.user_id,
        quota_attainment.attained_amount,
        quota_attainment.quota_amount,
        case when quota_attainment.is_attained then 1 else 0 end as attained_count,
        coalesce(quota_attainment.region, 'Unknown') as sales_region,
        coalesce(quota_attainment.team, 'Unknown') as team,
        {{ no_segment() }} as account_segment,
        {{ no_segment() }} as country,
        {{ no_segment() }} as region,
        {{ no_segment() }} as deal_type
    from quota_attainment
    inner join reporting_periods
        on
            quota_attainment.period_start >= reporting_periods.period_start
            and quota_attainment.period_end <= reporting_periods.period_end
),

{% set measures = [
    {"kpi": "created_and_won_amount", "of": "created_and_won",
     "numerator": "sum(coalesce(amount, 0))", "denominator": "0"},
    {"kpi": "created_and_won_count", "of": "created_and_won",
     "numerator": "count(*)", "denominator": "0"},
    {"kpi": "slip_rate", "of": "due",
     "numerator": "sum(slipped_count)", "denominator": "count(*)"},
    {"kpi": "slip_rate_value", "of": "due",
     "numerator": "sum(coalesce(amount, 0) * slipped_count)",
     "denominator": "sum(coalesce(amount, 0))"},
    {"kpi": "quota_attainment", "of": "quotas",
     "numerator": "sum(attained_amount)", "denominator": "sum(quota_amount)"},
    {"kpi": "quota_attained_share", "of": "quotas",
     "numerator": "sum(attained_count)", "denominator": "count(*)"},
    {"kpi": "bookings_per_seller", "of": "quotas",
     "numerator": "sum(attained_amount)", "denominator": "count(distinct user_id)"}
] -%}
measures as (
    {%- for measure in measures %}
    {%- if not loop.first %}
    union all
    {%- endif %}
    select
        comparison,
        period_type,
        period_start,
        segment_type,
        segment,
        '{{ measure.kpi }}' as kpi,
        {{ measure.numerator }} as numerator,
        {{ measure.denominator }} as denominator
    from (
        select
            {{ measure.of }}.*,
            segment_types.segment_type,
            {{ segment(also) }} as segment
        from {{ measure.of }}
        cross join segment_types
    ) as {{ measure.kpi }}_rows
    where segment is not null
    group by
        comparison,
        period_type,
        period_start,
        segment_type,
        segment
    {%- endfor %}
),

final as (
    select
        measures.comparison,
        measures.period_type,
        measures.period_start,
        measures.segment_type,
        measures.segment,
        measures.kpi,
        cast(measures.numerator as decimal(18, 2)) as numerator,
        cast(measures.denominator as decimal(18, 2)) as denominator,
        clock.as_of_date
    from measures
    cross join clock
)

select * from final
order by period_start, period_type, comparison, segment_type, segment, kpi
