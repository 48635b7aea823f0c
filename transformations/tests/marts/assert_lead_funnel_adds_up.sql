-- Invariant: of the leads that entered a stage, each passed or is in one state; cohorts are the
-- leads that count, in every cut.
with

funnel as (
    select * from {{ ref('mart_lead_funnel') }}
),

responses as (
    select count(*) as lead_count
    from {{ ref('mart_lead_response') }}
    where is_counted
),

rows_judged as (
    select
        cohort_type || ' ' || cohort_name || ' ' || source || ' ' || stage as place,
        case
            when
                entered_count
                <> passed_count + open_count + in_nurture_count + disqualified_count + lost_count
                then 'who entered neither passed nor is anywhere'
            when stage_order = 1 and entered_count <> cohort_count
                then 'a lead of the cohort is no lead'
            when entered_next_count > passed_count then 'more in the next stage than passed'
            when
                target_met_count > target_due_count
                or target_due_count > entered_count
                or never_contacted_count > entered_count
                then 'more than entered'
        end as problem
    from funnel
),

cuts as (
    select
        cohort_type,
        source_type,
        sum(entered_count) as lead_count
    from funnel
    where stage_order = 1
    group by cohort_type, source_type
),

judged as (
    select
        place,
        problem
    from rows_judged
    union all
    select
        cuts.cohort_type || ' by ' || cuts.source_type as place,
        'the cohorts do not add up to the leads' as problem
    from cuts
    cross join responses
    where cuts.lead_count <> responses.lead_count
)

select * from judged
where problem is not null
