with

opportunities as (
    select * from {{ ref('fct_opportunity') }}
),

stage_spans as (
    select * from {{ ref('fct_opportunity_stage_span') }}
),

evidence as (
    select * from {{ ref('fct_stage_evidence') }}
    where kind <> 'other'
),

stages as (
    select * from {{ ref('canonical_stages') }}
    where is_open or is_won
),

accounts as (
    select * from {{ ref('dim_account') }}
    where is_current
),

users as (
    select * from {{ ref('dim_user') }}
    where is_current
),

asked_stages as (
    select
        opportunity_id,
        stage,
        stage_order,
        was_visited
    from evidence
    where criterion_order is not null
    group by opportunity_id, stage, stage_order, was_visited
),

visits as (
    select
        opportunity_id,
        stage,
        count(*) as visit_count,
        min(entered_at) as first_entered_at,
        max(exited_at) as last_exited_at,
        max(case when is_current then 1 else 0 end) as is_current,
        sum(case when is_open_stage then days_in_stage end) as days_in_stage
    from stage_spans
    group by opportunity_id, stage
),

-- a deal passes a stage when it first gets to a later one that is no loss
passes as (
    select
        asked_stages.opportunity_id,
        asked_stages.stage,
        min(stage_spans.entered_at) as passed_at
    from asked_stages
    inner join stage_spans
        on
            asked_stages.opportunity_id = stage_spans.opportunity_id
            and asked_stages.stage_order < stage_spans.stage_order
    inner join stages
        on stage_spans.stage = stages.stage
    left join visits
        on
            asked_stages.opportunity_id = visits.opportunity_id
            and asked_stages.stage = visits.stage
    where
        visits.first_entered_at is null
        or stage_spans.entered_at >= visits.first_entered_at
    group by asked_stages.opportunity_id, asked_stages.stage
),

-- judged when the deal passes the stage; if it never did, when it last left it, else by now
moments as (
    select
        asked_stages.*,
        visits.visit_count,
        visits.first_entered_at,
        visits.days_in_stage,
        coalesce(visits.is_current = 1, false) as is_current,
        passes.passed_at,
        coalesce(
            passes.passed_at,
            case when visits.is_current = 0 then visits.last_exited_at end,
            {{ as_of_end() }}
        ) as judged_at
    from asked_stages
    left join visits
        on
            asked_stages.opportunity_id = visits.opportunity_id
            and asked_stages.stage = visits.stage
    left join passes
        on
            asked_stages.opportunity_id = passes.opportunity_id
            and asked_stages.stage = passes.stage
),

judged_evidence as (
    select
        moments.opportunity_id,
        moments.stage,
        evidence.kind,
        evidence.is_required,
        coalesce(
            evidence.met_at <= moments.judged_at
            and (evidence.withdrawn_at is null or evidence.withdrawn_at > moments.judged_at),
            false
        ) as was_met
    from moments
    inner join evidence
        on
            moments.opportunity_id = evidence.opportunity_id
            and moments.stage = evidence.stage
),

counts as (
    select
        opportunity_id,
        stage,
        sum(case when kind = 'exit_criterion' and is_required then 1 else 0 end)
            as exit_criteria_count,
        sum(case when kind = 'exit_criterion' and is_required and was_met then 1 else 0 end)
            as exit_criteria_met_count,
        sum(case when kind = 'deliverable' and is_required then 1 else 0 end) as deliverable_count,
        sum(case when kind = 'deliverable' and is_required and was_met then 1 else 0 end)
            as deliverable_met_count,
        sum(case when kind = 'activity' and was_met then 1 else 0 end) as activity_recorded_count
    from judged_evidence
    group by opportunity_id, stage
),

final as (
    select
        moments.opportunity_id,
        moments.stage,
        cast(moments.stage_order as integer) as stage_order,
        opportunities.owner_user_id,
        {{ segment_columns('opportunities.opportunity_type') }},
        not moments.was_visited as is_skipped,
        moments.is_current,
        moments.passed_at is not null as is_passed,
        cast(coalesce(moments.visit_count, 0) as bigint) as visit_count,
        cast(moments.days_in_stage as decimal(18, 4)) as days_in_stage,
        moments.first_entered_at,
        moments.passed_at,
        moments.judged_at,
        cast(counts.exit_criteria_count as bigint) as exit_criteria_count,
        cast(counts.exit_criteria_met_count as bigint) as exit_criteria_met_count,
        cast(counts.exit_criteria_count - counts.exit_criteria_met_count as bigint)
            as exit_criteria_missing_count,
        {{ rate('counts.exit_criteria_met_count', 'counts.exit_criteria_count') }}
            as adherence_rate,
        moments.passed_at is not null
        and counts.exit_criteria_met_count < counts.exit_criteria_count as is_passed_incomplete,
        cast(counts.deliverable_count as bigint) as deliverable_count,
        cast(counts.deliverable_met_count as bigint) as deliverable_met_count,
        cast(counts.activity_recorded_count as bigint) as activity_recorded_count,
        opportunities.is_open,
        opportunities.is_won,
        opportunities.is_lost,
        opportunities.is_eligible_for_win_rate,
        opportunities.as_of_date
    from moments
    inner join counts
        on
            moments.opportunity_id = counts.opportunity_id
            and moments.stage = counts.stage
    inner join opportunities on moments.opportunity_id = opportunities.opportunity_id
    left join accounts on opportunities.account_id = accounts.account_id
    left join users on opportunities.owner_user_id = users.user_id
)

select * from final
order by opportunity_id, stage_order
