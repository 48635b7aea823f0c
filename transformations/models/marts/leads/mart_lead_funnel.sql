with

responses as (
    select * from {{ ref('mart_lead_response') }}
    where is_counted
),

lifecycle as (
    select * from {{ ref('fct_lifecycle_event') }}
    where lead_id is not null
),

stages as (
    select * from {{ ref('canonical_lifecycle_stages') }}
    where not is_exit
),

dates as (
    select * from {{ ref('dim_date') }}
),

milestones as (
    select
        max(case when stage = 'Opportunity' then stage_order end) as opportunity_order,
        max(case when stage = 'Customer' then stage_order end) as customer_order
    from stages
),

clock as (
    select {{ as_of_date() }} as as_of_date
),

progress as (
    select
        lead_id,
        max(case when not is_exit then stage_order end) as furthest_order,
        max(case when is_current then stage end) as current_stage
    from lifecycle
    group by lead_id
),

first_entries as (
    select
        lead_id,
        stage_order,
        min(entered_at) as entered_at
    from lifecycle
    where not is_exit
    group by lead_id, stage_order
),

-- the first time that a lead came to any later stage
later_entries as (
    select
        first_entries.lead_id,
        first_entries.stage_order,
        min(later.entered_at) as entered_at
    from first_entries
    inner join first_entries as later
        on
            first_entries.lead_id = later.lead_id
            and first_entries.stage_order < later.stage_order
    group by first_entries.lead_id, first_entries.stage_order
),

recycles as (
    select distinct
        lifecycle.lead_id,
        stages.stage_order
    from lifecycle
    inner join stages
        on lifecycle.previous_stage = stages.stage
    where lifecycle.is_recycle
),

leads as (
    select
        responses.*,
        progress.furthest_order,
        progress.current_stage,
        progress.furthest_order >= milestones.opportunity_order as is_opportunity,
        progress.furthest_order >= milestones.customer_order as is_customer,
        dates.calendar_month_name,
        dates.month_start_date,
        dates.fiscal_quarter_name,
        dates.fiscal_quarter_start_date,
        {{ dbt.datediff(
            'responses.created_date', 'clock.as_of_date', 'day'
        ) }} as age_days
    from responses
    cross join clock
    cross join milestones
    inner join progress
        on responses.lead_id = progress.lead_id
    inner join dates
        on responses.created_date = dates.date_day
),

-- a lead was in every stage up to the furthest it reached, also where it skipped one
lead_stages as (
    select
        leads.*,
        stages.stage,
        stages.stage_order,
        case when leads.furthest_order >= stages.stage_order then 1 else 0 end as entered,
        case when leads.furthest_order > stages.stage_order then 1 else 0 end as passed,
        case when leads.furthest_order = stages.stage_order then 1 else 0 end as ended_here,
        case when leads.age_days >= stages.maturity_days then 1 else 0 end as is_mature,
        case when following.lead_id is not null then 1 else 0 end as entered_next,
        case when recycles.lead_id is not null then 1 else 0 end as was_recycled,
        case
            when later_entries.entered_at >= first_entries.entered_at
                then {{ elapsed_days('first_entries.entered_at', 'later_entries.entered_at') }}
        end as days_to_next
    from leads
    cross join stages
    left join first_entries
        on
            leads.lead_id = first_entries.lead_id
            and stages.stage_order = first_entries.stage_order
    left join first_entries as following
        on
            leads.lead_id = following.lead_id
            and stages.stage_order + 1 = following.stage_order
    left join later_entries
        on
            leads.lead_id = later_entries.lead_id
            and stages.stage_order = later_entries.stage_order
    left join recycles
        on
            leads.lead_id = recycles.lead_id
            and stages.stage_order = recycles.stage_order
),

cohort_types as (
    {{ lead_cohort_types() }}
),

source_types as (
    {{ lead_source_types() }}
),

cohorts as (
    select
        lead_stages.*,
        cohort_types.cohort_type,
        case cohort_types.cohort_type
            when 'month' then lead_stages.calendar_month_name
            else lead_stages.fiscal_quarter_name
        end as cohort_name,
        case cohort_types.cohort_type
            when 'month' then lead_stages.month_start_date
            else lead_stages.fiscal_quarter_start_date
        end as cohort_start,
        source_types.source_type,
        case source_types.source_type
            when 'company' then 'All'
            when 'lead_source' then lead_stages.lead_source
            else lead_stages.channel
        end as source
    from lead_stages
    cross join cohort_types
    cross join source_types
),

counted as (
    select
        cohort_type,
        cohort_name,
        cohort_start,
        source_type,
        source,
        stage,
        stage_order,
        count(*) as cohort_count,
        sum(is_mature) as mature_count,
        sum(entered) as entered_count,
        sum(passed) as passed_count,
        sum(passed * entered_next) as entered_next_count,
        sum(
            case when ended_here = 1 and current_stage = 'Recycled' then 1 else 0 end
        ) as in_nurture_count,
        sum(
            case when ended_here = 1 and current_stage = 'Disqualified' then 1 else 0 end
        ) as disqualified_count,
        sum(case when ended_here = 1 and current_stage = 'Lost' then 1 else 0 end) as lost_count,
        sum(
            case
                when
                    ended_here = 1
                    and current_stage not in ('Recycled', 'Disqualified', 'Lost')
                    then 1
                else 0
            end
        ) as open_count,
        sum(entered * was_recycled) as recycled_count,
        sum(case when entered = 1 and not is_contacted then 1 else 0 end)
            as never_contacted_count,
        sum(
            case when entered = 1 and is_target_met is not null then 1 else 0 end
        ) as target_due_count,
        sum(case when entered = 1 and is_target_met then 1 else 0 end) as target_met_count,
        sum(case when entered = 1 and is_opportunity then 1 else 0 end) as to_opportunity_count,
        sum(case when entered = 1 and is_customer then 1 else 0 end) as to_customer_count,
        {{ median_double('days_to_next') }} as median_days_to_next,
        max(as_of_date) as as_of_date
    from cohorts
    group by
        cohort_type,
        cohort_name,
        cohort_start,
        source_type,
        source,
        stage,
        stage_order
),

final as (
    select
        cohort_type,
        cohort_name,
        cohort_start,
        source_type,
        source,
        stage,
        cast(stage_order as integer) as stage_order,
        cast(cohort_count as bigint) as cohort_count,
        cast(entered_count as bigint) as entered_count,
        cast(passed_count as bigint) as passed_count,
        cast(entered_next_count as bigint) as entered_next_count,
        cast(in_nurture_count as bigint) as in_nurture_count,
        cast(disqualified_count as bigint) as disqualified_count,
        cast(lost_count as bigint) as lost_count,
        cast(open_count as bigint) as open_count,
        cast(recycled_count as bigint) as recycled_count,
        case when stage <> 'Customer' then {{ rate('passed_count', 'entered_count') }} end
            as conversion_rate,
        case
            when stage <> 'Customer'
                then {{ wilson_bound('passed_count', 'entered_count', 'low') }}
        end as conversion_rate_low,
        case
            when stage <> 'Customer'
                then {{ wilson_bound('passed_count', 'entered_count', 'high') }}
        end as conversion_rate_high,
        cast(median_days_to_next as decimal(18, 4)) as median_days_to_next,
        cast(to_opportunity_count as bigint) as to_opportunity_count,
        {{ rate('to_opportunity_count', 'entered_count') }} as to_opportunity_rate,
        cast(to_customer_count as bigint) as to_customer_count,
        {{ rate('to_customer_count', 'entered_count') }} as to_customer_rate,
        cast(mature_count as bigint) as mature_count,
        {{ rate('mature_count', 'cohort_count') }} as maturity_rate,
        cast(never_contacted_count as bigint) as never_contacted_count,
        cast(target_due_count as bigint) as target_due_count,
        cast(target_met_count as bigint) as target_met_count,
        {{ rate('target_met_count', 'target_due_count') }} as target_met_rate,
        as_of_date
    from counted
)

select * from final
order by cohort_start, cohort_type, source_type, source, stage_order
