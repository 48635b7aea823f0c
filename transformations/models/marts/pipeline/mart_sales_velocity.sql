{%- set keys = "period_type, period_start, segment_type, segment" -%}
{%- set cycles = ["won_days", "won_days_from_lead", "lost_days"] -%}

with

reporting_periods as (
    select * from {{ ref('mart_reporting_period') }}
),

opportunities as (
    select * from {{ ref('fct_opportunity') }}
    where not is_deleted
),

leads as (
    select * from {{ ref('dim_lead') }}
    where is_current and not is_deleted
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

-- Several leads may become one opportunity: its clock begins with the first of them.
first_leads as (
    select
        converted_opportunity_id as opportunity_id,
        cast(min(created_at) as date) as lead_created_date
    from leads
    where converted_opportunity_id is not null
    group by converted_opportunity_id
),

deals as (
    select
        opportunities.opportunity_id,
        opportunities.created_date,
        opportunities.close_date,
        opportunities.is_won,
        opportunities.is_eligible_for_win_rate as is_decided,
        first_leads.opportunity_id is not null as is_from_lead,
        case when opportunities.is_won then opportunities.amount end as won_amount,
        case
            when opportunities.is_won and opportunities.is_eligible_for_cycle
                then opportunities.days_to_close
        end as won_days,
        case
            when opportunities.is_lost and opportunities.is_eligible_for_cycle
                then opportunities.days_to_close
        end as lost_days,
        case
            when opportunities.is_won and opportunities.close_date >= first_leads.lead_created_date
                then
                    {{ dbt.datediff(
                        'first_leads.lead_created_date', 'opportunities.close_date', 'day'
                    ) }}
        end as won_days_from_lead,
        {{ segment_columns('opportunities.opportunity_type') }}
    from opportunities
    left join first_leads on opportunities.opportunity_id = first_leads.opportunity_id
    left join accounts on opportunities.account_id = accounts.account_id
    left join users on opportunities.owner_user_id = users.user_id
),

segmented as (
    select
        deals.*,
        segment_types.segment_type,
        {{ segment() }} as segment
    from deals
    cross join segment_types
),

decided as (
    select
        reporting_periods.period_type,
        reporting_periods.period_start,
        segmented.segment_type,
        segmented.segment,
        segmented.is_won,
        segmented.is_from_lead,
        segmented.won_amount,
        segmented.won_days,
        segmented.lost_days,
        segmented.won_days_from_lead
    from segmented
    inner join reporting_periods
        on
            segmented.close_date
            between reporting_periods.period_start and reporting_periods.period_to_date
    where segmented.is_decided
),

of_decided as (
    select
        {%- for days in cycles %}
        count({{ days }}) as {{ days }}_count,
        sum({{ days }}) as {{ days }},
        {{ median_double(days) }} as median_{{ days }},
        {%- endfor %}
        {{ keys }},
        count(*) as opportunity_count,
        sum(case when is_won then 1 else 0 end) as won_count,
        sum(won_amount) as won_amount,
        count(won_amount) as won_with_amount_count,
        {{ median_double('won_amount') }} as median_won_amount,
        sum(case when is_from_lead then 1 else 0 end) as opportunity_from_lead_count,
        sum(case when is_from_lead and is_won then 1 else 0 end) as won_from_lead_count,
        avg(case when is_from_lead then won_amount end) as average_won_from_lead_amount
    from decided
    group by {{ keys }}
),

created as (
    select
        reporting_periods.period_type,
        reporting_periods.period_start,
        segmented.segment_type,
        segmented.segment,
        segmented.is_won,
        segmented.won_amount,
        segmented.is_decided
        and segmented.close_date
        between reporting_periods.period_start and reporting_periods.period_to_date
            as is_decided_within
    from segmented
    inner join reporting_periods
        on
            segmented.created_date
            between reporting_periods.period_start and reporting_periods.period_to_date
),

of_created as (
    select
        {{ keys }},
        count(*) as created_count,
        sum(case when is_decided_within then 1 else 0 end) as created_and_closed_count,
        sum(case when is_decided_within and is_won then 1 else 0 end) as created_and_won_count,
        sum(case when is_decided_within then won_amount end) as created_and_won_amount
    from created
    group by {{ keys }}
),

segments as (
    select distinct
        segment_type,
        segment
    from segmented
),

-- Every period shows every segment, also where nothing was created or decided.
grid as (
    select
        reporting_periods.*,
        segments.segment_type,
        segments.segment
    from reporting_periods
    cross join segments
),

filled as (
    select
        grid.*,
        coalesce(of_decided.opportunity_count, 0) as opportunity_count,
        coalesce(of_decided.won_count, 0) as won_count,
        coalesce(of_decided.won_amount, 0) as won_amount,
        coalesce(of_decided.won_with_amount_count, 0) as won_with_amount_count,
        of_decided.median_won_amount,
        coalesce(of_decided.opportunity_from_lead_count, 0) as opportunity_from_lead_count,
        coalesce(of_decided.won_from_lead_count, 0) as won_from_lead_count,
        of_decided.average_won_from_lead_amount,
        coalesce(of_decided.won_days_count, 0) as won_days_count,
        coalesce(of_decided.won_days, 0) as won_days,
        of_decided.median_won_days,
        coalesce(of_decided.won_days_from_lead_count, 0) as won_days_from_lead_count,
        coalesce(of_decided.won_days_from_lead, 0) as won_days_from_lead,
        of_decided.median_won_days_from_lead,
        coalesce(of_decided.lost_days_count, 0) as lost_days_count,
        coalesce(of_decided.lost_days, 0) as lost_days,
        of_decided.median_lost_days,
        coalesce(of_created.created_count, 0) as created_count,
        coalesce(of_created.created_and_closed_count, 0) as created_and_closed_count,
        coalesce(of_created.created_and_won_count, 0) as created_and_won_count,
        coalesce(of_created.created_and_won_amount, 0) as created_and_won_amount
    from grid
    left join of_decided
        on
            grid.period_type = of_decided.period_type
            and grid.period_start = of_decided.period_start
            and grid.segment_type = of_decided.segment_type
            and grid.segment = of_decided.segment
    left join of_created
        on
            grid.period_type = of_created.period_type
            and grid.period_start = of_created.period_start
            and grid.segment_type = of_created.segment_type
            and grid.segment = of_created.segment
),

averaged as (
    select
        *,
        {{ mean('won_amount', 'won_with_amount_count') }} as average_won_amount,
        {{ mean('won_days', 'won_days_count') }} as mean_cycle_days,
        {{ mean('won_days_from_lead', 'won_days_from_lead_count') }} as mean_lead_cycle_days,
        {{ mean('lost_days', 'lost_days_count') }} as mean_lost_cycle_days
    from filled
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
        cast(opportunity_count as bigint) as opportunity_count,
        cast(won_count as bigint) as won_count,
        cast(opportunity_count - won_count as bigint) as lost_count,
        {{ rate('won_count', 'opportunity_count') }} as win_rate,
        cast(won_amount as decimal(18, 2)) as won_amount,
        cast(won_with_amount_count as bigint) as won_with_amount_count,
        cast(average_won_amount as decimal(18, 2)) as average_won_amount,
        cast(median_won_amount as decimal(18, 2)) as median_won_amount,
        cast(won_days_count as bigint) as cycle_count,
        cast(won_days as bigint) as cycle_days,
        cast(mean_cycle_days as decimal(18, 1)) as mean_cycle_days,
        cast(median_won_days as decimal(18, 1)) as median_cycle_days,
        cast(opportunity_from_lead_count as bigint) as opportunity_from_lead_count,
        cast(won_from_lead_count as bigint) as won_from_lead_count,
        cast(average_won_from_lead_amount as decimal(18, 2)) as average_won_from_lead_amount,
        cast(won_days_from_lead_count as bigint) as lead_cycle_count,
        cast(won_days_from_lead as bigint) as lead_cycle_days,
        cast(mean_lead_cycle_days as decimal(18, 1)) as mean_lead_cycle_days,
        cast(median_won_days_from_lead as decimal(18, 1)) as median_lead_cycle_days,
        cast(lost_days_count as bigint) as lost_cycle_count,
        cast(lost_days as bigint) as lost_cycle_days,
        cast(mean_lost_cycle_days as decimal(18, 1)) as mean_lost_cycle_days,
        cast(median_lost_days as decimal(18, 1)) as median_lost_cycle_days,
        -- opportunities × win rate = deals won
        cast(won_count * average_won_amount / nullif(mean_cycle_days, 0) as decimal(18, 2))
            as velocity_per_day,
        cast(
            won_from_lead_count * average_won_from_lead_amount / nullif(mean_lead_cycle_days, 0)
            as decimal(18, 2)
        ) as velocity_from_lead_per_day,
        cast(created_count as bigint) as created_count,
        cast(created_and_closed_count as bigint) as created_and_closed_count,
        cast(created_and_won_count as bigint) as created_and_won_count,
        cast(created_and_won_amount as decimal(18, 2)) as created_and_won_amount,
        as_of_date
    from averaged
)

select * from final
order by period_start, period_type, segment_type, segment
