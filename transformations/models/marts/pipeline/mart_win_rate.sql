{#- Each basis: what it counts, which of it, in the period of which day, and what one weighs. -#}
{%- set bases = [
    {"basis": "closed_count", "of": "deals", "where": "is_decided", "day": "close_date",
     "weight": "1"},
    {"basis": "closed_value", "of": "deals", "where": "is_decided and amount is not null",
     "day": "close_date", "weight": "amount"},
    {"basis": "closed_narrow", "of": "deals", "where": "is_decided and not is_no_decision",
     "day": "close_date", "weight": "1"},
    {"basis": "closed_narrow_value", "of": "deals",
     "where": "is_decided and not is_no_decision and amount is not null",
     "day": "close_date", "weight": "amount"},
    {"basis": "cohort", "of": "deals", "where": "is_decided or is_open",
     "day": "created_date", "weight": "1"},
    {"basis": "cohort_value", "of": "deals",
     "where": "(is_decided or is_open) and amount is not null",
     "day": "created_date", "weight": "amount"},
    {"basis": "qualified_leads", "of": "qualified_leads", "where": "true",
     "day": "qualified_date", "weight": "1"}
] -%}
{%- set cuts = [
    "account_segment", "region", "sales_region", "deal_type", "team", "owner_name",
    "product_name", "industry"
] | join(", ") -%}
{%- set cohort_bases = "'cohort', 'cohort_value', 'qualified_leads'" -%}
{%- set value_bases = "'closed_value', 'closed_narrow_value', 'cohort_value'" -%}

with

reporting_periods as (
    select * from {{ ref('mart_reporting_period') }}
),

opportunities as (
    select * from {{ ref('fct_opportunity') }}
    where not is_deleted
),

opportunity_lines as (
    select * from {{ ref('fct_opportunity_line') }}
    where not is_deleted
),

leads as (
    select * from {{ ref('dim_lead') }}
    where is_current and not is_deleted
),

curves as (
    select * from {{ ref('mart_win_rate_curve') }}
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

deals as (
    select
        opportunities.*,
        (opportunities.is_won or opportunities.is_lost)
        and opportunities.is_eligible_for_win_rate as is_decided,
        opportunities.is_lost
        and {{ is_no_decision_loss('opportunities.loss_reason') }} as is_no_decision,
        {{ deal_segment_columns('opportunities.opportunity_type', 'opportunities.owner_user_id') }}
    from opportunities
    left join accounts on opportunities.account_id = accounts.account_id
    left join users on opportunities.owner_user_id = users.user_id
    left join main_products on opportunities.opportunity_id = main_products.opportunity_id
),

-- A lead is qualified when it is converted. It counts once, by what became of the opportunity that
-- it was converted to; without one it is not won.
qualified_leads as (
    select
        cast(leads.converted_at as date) as qualified_date,
        coalesce(opportunities.is_won, false) as is_won,
        coalesce(opportunities.is_lost, false) as is_lost,
        coalesce(opportunities.is_open, false) as is_open,
        coalesce(opportunities.is_won or opportunities.is_lost, false) as is_decided,
        {{ deal_segment_columns(
            'opportunities.opportunity_type',
            'coalesce(opportunities.owner_user_id, leads.owner_user_id)'
        ) }}
    from leads
    left join opportunities on leads.converted_opportunity_id = opportunities.opportunity_id
    left join accounts
        on coalesce(opportunities.account_id, leads.converted_account_id) = accounts.account_id
    left join users
        on coalesce(opportunities.owner_user_id, leads.owner_user_id) = users.user_id
    left join main_products on opportunities.opportunity_id = main_products.opportunity_id
    where leads.is_converted
),

counted as (
    {%- for basis in bases %}
    {%- if not loop.first %}
    union all
    {%- endif %}
    select
        '{{ basis.basis }}' as basis,
        {{ basis.day }} as date_day,
        {{ cuts }},
        cast(
            sum(case when is_won then {{ basis.weight }} else 0 end) as decimal(18, 2)
        ) as numerator,
        cast(sum({{ basis.weight }}) as decimal(18, 2)) as denominator,
        cast(
            sum(case when is_decided then {{ basis.weight }} else 0 end) as decimal(18, 2)
        ) as decided,
        sum(case when is_won then 1 else 0 end) as won_count,
        sum(case when is_lost then 1 else 0 end) as lost_count,
        sum(case when is_open then 1 else 0 end) as open_count
    from {{ basis.of }}
    where {{ basis.where }}
    group by {{ basis.day }}, {{ cuts }}
    {%- endfor %}
),

segmented as (
    select
        counted.*,
        segment_types.segment_type,
        {{ segment(also=deal_cuts()) }} as segment
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
        sum(segmented.decided) as decided,
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
    select
        '{{ basis.basis }}' as basis,
        cast(null as integer) as horizon_days
    {%- endfor %}
    {%- for horizon in win_rate_horizons() %}
    union all
    select
        'survival_{{ horizon }}' as basis,
        {{ horizon }} as horizon_days
    {%- endfor %}
    union all
    select
        'survival' as basis,
        cast(null as integer) as horizon_days
),

-- Every period shows every segment and basis, also where nothing was decided.
grid as (
    select
        reporting_periods.*,
        segments.segment_type,
        segments.segment,
        bases.basis,
        bases.horizon_days
    from reporting_periods
    cross join segments
    cross join bases
),

survivals as (
    {%- for horizon in win_rate_horizons() %}
    select
        *,
        'survival_{{ horizon }}' as basis
    from curves
    where age_days = {{ horizon }}
    union all
    {%- endfor %}
    select
        *,
        'survival' as basis
    from curves
    where is_longest_age
),

filled as (
    select
        grid.*,
        coalesce(totals.numerator, survivals.won_count, 0) as numerator,
        coalesce(totals.denominator, survivals.deal_count, 0) as denominator,
        -- of a curve, the deals whose state at its age is known
        coalesce(
            totals.decided,
            survivals.won_count + survivals.lost_count + survivals.undecided_count,
            0
        ) as decided,
        coalesce(totals.won_count, survivals.won_count, 0) as won_count,
        coalesce(totals.lost_count, survivals.lost_count, 0) as lost_count,
        coalesce(
            totals.open_count, survivals.deal_count - survivals.won_count - survivals.lost_count, 0
        ) as open_count,
        survivals.age_days,
        survivals.win_rate as curve_rate,
        survivals.win_rate_low as curve_rate_low,
        survivals.win_rate_high as curve_rate_high
    from grid
    left join totals
        on
            grid.period_type = totals.period_type
            and grid.period_start = totals.period_start
            and grid.segment_type = totals.segment_type
            and grid.segment = totals.segment
            and grid.basis = totals.basis
    left join survivals
        on
            grid.period_type = survivals.period_type
            and grid.period_start = survivals.period_start
            and grid.segment_type = survivals.segment_type
            and grid.segment = survivals.segment
            and grid.basis = survivals.basis
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
        cast(coalesce(horizon_days, age_days) as integer) as horizon_days,
        cast(numerator as decimal(18, 2)) as numerator,
        cast(denominator as decimal(18, 2)) as denominator,
        case
            when basis like 'survival%' then curve_rate
            else {{ rate('numerator', 'denominator') }}
        end as win_rate,
        case
            when basis like 'survival%' then curve_rate_low
            when basis not in ({{ value_bases }})
                then {{ wilson_bound('numerator', 'denominator', 'low') }}
        end as win_rate_low,
        case
            when basis like 'survival%' then curve_rate_high
            when basis not in ({{ value_bases }})
                then {{ wilson_bound('numerator', 'denominator', 'high') }}
        end as win_rate_high,
        cast(won_count as bigint) as won_count,
        cast(lost_count as bigint) as lost_count,
        cast(open_count as bigint) as open_count,
        case
            when basis in ({{ cohort_bases }}) or basis like 'survival%'
                then {{ rate('decided', 'denominator') }}
        end as maturity_rate,
        case
            when basis in ({{ cohort_bases }}) or basis like 'survival%'
                then {{ day_count('period_to_date', 'as_of_date') }} - 1
        end as cohort_age_days,
        as_of_date
    from filled
)

select * from final
order by period_start, period_type, segment_type, segment, basis
