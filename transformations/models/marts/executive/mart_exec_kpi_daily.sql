{#- Each KPI: the rows that it counts, on which day, and what a row adds. -#}
{%- set measures = [
    {"kpi": "bookings", "of": "deals", "where": "is_won", "day": "close_date",
     "numerator": "coalesce(amount, 0)"},
    {"kpi": "bookings_constant_currency", "of": "deals", "where": "is_won", "day": "close_date",
     "numerator": "coalesce(amount_constant, 0)"},
    {"kpi": "new_customer_count", "of": "deals", "where": "is_first_win", "day": "close_date",
     "numerator": "1"},
    {"kpi": "won_count", "of": "deals", "where": "is_won", "day": "close_date",
     "numerator": "1"},
    {"kpi": "lost_count", "of": "deals", "where": "is_lost", "day": "close_date",
     "numerator": "1"},
    {"kpi": "win_rate", "of": "deals", "where": "is_eligible_for_win_rate", "day": "close_date",
     "numerator": "case when is_won then 1 else 0 end", "denominator": "1"},
    {"kpi": "win_rate_narrow", "of": "deals", "day": "close_date",
     "where": "is_eligible_for_win_rate and not is_no_decision",
     "numerator": "case when is_won then 1 else 0 end", "denominator": "1"},
    {"kpi": "win_rate_value", "of": "deals", "day": "close_date",
     "where": "is_eligible_for_win_rate and amount is not null",
     "numerator": "case when is_won then amount else 0 end", "denominator": "amount"},
    {"kpi": "average_deal_size", "of": "deals", "where": "is_won and amount is not null",
     "day": "close_date", "numerator": "amount", "denominator": "1"},
    {"kpi": "sales_cycle_days", "of": "deals", "where": "is_won and is_eligible_for_cycle",
     "day": "close_date", "numerator": "days_to_close", "denominator": "1"},
    {"kpi": "lead_to_won_days", "of": "deals", "day": "close_date",
     "where": "is_won and is_eligible_for_cycle and days_from_lead >= 0",
     "numerator": "days_from_lead", "denominator": "1"},
    {"kpi": "opportunities_created", "of": "deals", "day": "created_date", "numerator": "1"},
    {"kpi": "opportunities_qualified", "of": "deals", "where": "qualified_date is not null",
     "day": "qualified_date", "numerator": "1"},
    {"kpi": "pipeline_created", "of": "deals", "where": "qualified_date is not null",
     "day": "qualified_date", "numerator": "coalesce(amount_when_qualified, 0)"},
    {"kpi": "open_pipeline", "of": "open_deals", "numerator": "coalesce(amount, 0)"},
    {"kpi": "open_opportunity_count", "of": "open_deals", "numerator": "1"},
    {"kpi": "weighted_pipeline", "of": "open_deals",
     "numerator": "coalesce(amount * default_probability, 0)"},
    {"kpi": "leads_created", "of": "new_leads", "numerator": "1"},
    {"kpi": "lead_conversion_rate", "of": "new_leads",
     "numerator": "case when is_converted then 1 else 0 end", "denominator": "1"},
    {"kpi": "activity_count", "of": "human_activities", "numerator": "1"},
    {"kpi": "call_count", "of": "human_activities", "where": "activity_type = 'call'",
     "numerator": "1"},
    {"kpi": "email_count", "of": "human_activities", "where": "activity_type = 'email'",
     "numerator": "1"},
    {"kpi": "meeting_count", "of": "human_activities", "where": "activity_type = 'meeting'",
     "numerator": "1"},
    {"kpi": "demo_count", "of": "human_activities",
     "where": "activity_type = 'meeting' and lower(subject) like '%demo%'", "numerator": "1"}
] -%}
{%- set also = {"country": "country"} -%}

with

opportunities as (
    select * from {{ ref('fct_opportunity') }}
),

opportunity_days as (
    select * from {{ ref('fct_opportunity_daily') }}
),

stages as (
    select * from {{ ref('dim_stage') }}
),

accounts as (
    select * from {{ ref('dim_account') }}
    where is_current
),

users as (
    select * from {{ ref('dim_user') }}
    where is_current
),

leads as (
    select * from {{ ref('dim_lead') }}
    where is_current and not is_deleted
),

activities as (
    select * from {{ ref('fct_activity') }}
    where not is_automated and {{ has_taken_place() }}
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

stage_probabilities as (
    {{ stage_probabilities('stages') }}
),

qualified as (
    select
        *,
        cast({{ qualified_at() }} as date) as qualified_date
    from opportunities
    where not is_deleted
),

-- a win counts as a new customer where the account had none before
first_wins as (
    select
        opportunity_id,
        row_number() over (
            partition by account_id
            order by close_date, closed_at, opportunity_id
        ) as win_number
    from qualified
    where is_won and account_id is not null
),

-- a deal may come from several leads: it begins with the first
first_leads as (
    select
        converted_opportunity_id as opportunity_id,
        min(cast(created_at as date)) as lead_created_date
    from leads
    where converted_opportunity_id is not null
    group by converted_opportunity_id
),

deals as (
    select
        qualified.*,
        opportunity_days.amount as amount_when_qualified,
        coalesce(first_wins.win_number = 1, false) as is_first_win,
        qualified.is_lost and {{ is_no_decision_loss('qualified.loss_reason') }} as is_no_decision,
        {{ dbt.datediff('first_leads.lead_created_date', 'qualified.close_date', 'day') }}
            as days_from_lead,
        coalesce(countries.country_code, 'Unknown') as country,
        {{ segment_columns('qualified.opportunity_type') }}
    from qualified
    left join opportunity_days
        on
            qualified.opportunity_id = opportunity_days.opportunity_id
            and qualified.qualified_date = opportunity_days.date_day
    left join first_wins on qualified.opportunity_id = first_wins.opportunity_id
    left join first_leads on qualified.opportunity_id = first_leads.opportunity_id
    left join accounts on qualified.account_id = accounts.account_id
    left join countries on accounts.country = countries.country
    left join users on qualified.owner_user_id = users.user_id
),

open_deals as (
    select
        opportunity_days.date_day,
        opportunity_days.amount,
        stage_probabilities.default_probability,
        coalesce(countries.country_code, 'Unknown') as country,
        {{ segment_columns('opportunities.opportunity_type') }}
    from opportunity_days
    inner join opportunities
        on opportunity_days.opportunity_id = opportunities.opportunity_id
    left join stage_probabilities on opportunity_days.stage = stage_probabilities.stage
    left join accounts on opportunity_days.account_id = accounts.account_id
    left join countries on accounts.country = countries.country
    left join users on opportunity_days.owner_user_id = users.user_id
    where opportunity_days.is_open
),

new_leads as (
    select
        cast(leads.created_at as date) as date_day,
        leads.is_converted,
        coalesce(countries.country_code, 'Unknown') as country,
        coalesce(leads.region, 'Unknown') as region,
        {{ no_segment() }} as account_segment,
        {{ no_segment() }} as sales_region,
        {{ no_segment() }} as deal_type,
        {{ no_segment() }} as team
    from leads
    left join countries on leads.country = countries.country
),

human_activities as (
    select
        cast(activities.occurred_at as date) as date_day,
        activities.activity_type,
        activities.subject,
        {{ no_segment() }} as country,
        coalesce(users.region, 'Unknown') as sales_region,
        coalesce(users.team, 'Unknown') as team,
        {{ no_segment() }} as account_segment,
        {{ no_segment() }} as region,
        {{ no_segment() }} as deal_type
    from activities
    left join users on activities.user_id = users.user_id
),

measures as (
    {%- for measure in measures %}
    {%- if not loop.first %}
    union all
    {%- endif %}
    select
        '{{ measure.kpi }}' as kpi,
        {{ measure.day | default('date_day') }} as date_day,
        account_segment,
        country,
        region,
        sales_region,
        deal_type,
        team,
        cast(sum({{ measure.numerator }}) as decimal(18, 2)) as numerator,
        cast(sum({{ measure.denominator | default('0') }}) as decimal(18, 2)) as denominator
    from {{ measure.of }}
    {%- if measure.where is defined %}
    where {{ measure.where }}
    {%- endif %}
    group by
        {{ measure.day | default('date_day') }},
        account_segment,
        country,
        region,
        sales_region,
        deal_type,
        team
    {%- endfor %}
),

segmented as (
    select
        measures.kpi,
        measures.date_day,
        segment_types.segment_type,
        {{ segment(also) }} as segment,
        measures.numerator,
        measures.denominator
    from measures
    cross join segment_types
),

final as (
    select
        segmented.date_day,
        segmented.segment_type,
        segmented.segment,
        segmented.kpi,
        cast(sum(segmented.numerator) as decimal(18, 2)) as numerator,
        cast(sum(segmented.denominator) as decimal(18, 2)) as denominator,
        clock.as_of_date
    from segmented
    cross join clock
    where segmented.segment is not null and segmented.date_day <= clock.as_of_date
    group by
        segmented.date_day,
        segmented.segment_type,
        segmented.segment,
        segmented.kpi,
        clock.as_of_date
)

select * from final
order by date_day, segment_type, segment, kpi
