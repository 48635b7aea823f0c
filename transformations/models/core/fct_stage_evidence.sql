with

evidence as (
    select * from {{ ref('int_crm__stage_evidence') }}
),

criteria as (
    select
        criteria.*,
        stages.stage_order
    from {{ ref('stage_criteria') }} as criteria
    inner join {{ ref('canonical_stages') }} as stages
        on criteria.stage = stages.stage
    where criteria.kind <> 'qualification'
),

spans as (
    select * from {{ ref('fct_opportunity_stage_span') }}
),

stages as (
    select * from {{ ref('canonical_stages') }}
    where is_open or is_won
),

-- nothing is missing where nobody records anything
recording_systems as (
    select distinct source_system from evidence
),

reached as (
    select
        spans.opportunity_id,
        min(case when spans.span_number = 1 then spans.stage_order end) as first_order,
        max(spans.stage_order) as last_order
    from spans
    inner join stages
        on spans.stage = stages.stage
    inner join recording_systems
        on spans.source_system = recording_systems.source_system
    group by spans.opportunity_id
),

visited as (
    select distinct
        spans.opportunity_id,
        spans.source_system,
        spans.stage
    from spans
    inner join stages
        on spans.stage = stages.stage
    inner join recording_systems
        on spans.source_system = recording_systems.source_system
),

-- a stage that was passed over asks for as much as one that was visited
asked_stages as (
    select
        visited.opportunity_id,
        visited.source_system,
        visited.stage,
        true as was_visited
    from visited
    union all
    select
        reached.opportunity_id,
        {{ system_of('reached.opportunity_id') }} as source_system,
        stages.stage,
        false as was_visited
    from reached
    inner join stages
        on
            reached.first_order < stages.stage_order
            and reached.last_order > stages.stage_order
    left join visited
        on
            reached.opportunity_id = visited.opportunity_id
            and stages.stage = visited.stage
    where visited.opportunity_id is null
),

asked as (
    select
        asked_stages.opportunity_id,
        asked_stages.source_system,
        asked_stages.stage,
        criteria.code as criterion_code,
        asked_stages.was_visited
    from asked_stages
    inner join criteria
        on asked_stages.stage = criteria.stage
),

recorded as (
    select
        *,
        row_number() over (
            partition by opportunity_id, stage, criterion_code
            order by
                case when met_at is not null and withdrawn_at is null then 0 else 1 end,
                recorded_at desc,
                evidence_id desc
        ) as preference
    from evidence
),

lives as (
    select
        opportunity_id,
        stage,
        criterion_code,
        min(recorded_at) as recorded_at,
        min(met_at) as met_at,
        max(case when met_at is not null and withdrawn_at is null then 1 else 0 end) as is_met,
        max(withdrawn_at) as withdrawn_at
    from evidence
    group by opportunity_id, stage, criterion_code
),

told as (
    select
        recorded.opportunity_id,
        recorded.source_system,
        recorded.source_id,
        recorded.stage,
        recorded.criterion_code,
        recorded.evidence,
        recorded.recorded_by_user_id,
        lives.is_met = 1 as is_met,
        lives.met_at,
        case when lives.is_met = 0 then lives.withdrawn_at end as withdrawn_at,
        lives.recorded_at
    from recorded
    inner join lives
        on
            recorded.opportunity_id = lives.opportunity_id
            and recorded.stage = lives.stage
            and recorded.criterion_code = lives.criterion_code
    where recorded.preference = 1
),

combined as (
    select
        coalesce(told.opportunity_id, asked.opportunity_id) as opportunity_id,
        coalesce(told.source_system, asked.source_system) as source_system,
        told.source_id,
        coalesce(told.stage, asked.stage) as stage,
        coalesce(told.criterion_code, asked.criterion_code) as criterion_code,
        coalesce(asked.was_visited, false) as was_visited,
        coalesce(told.is_met, false) as is_met,
        case when told.is_met then told.evidence end as evidence,
        told.met_at,
        told.withdrawn_at,
        told.recorded_at,
        told.recorded_by_user_id
    from asked
    full outer join told
        on
            asked.opportunity_id = told.opportunity_id
            and asked.stage = told.stage
            and asked.criterion_code = told.criterion_code
),

final as (
    select
        combined.opportunity_id,
        combined.stage,
        combined.criterion_code,
        combined.source_system,
        combined.source_id,
        cast(stages.stage_order as integer) as stage_order,
        coalesce(criteria.kind, 'other') as kind,
        coalesce(criteria.name, combined.criterion_code) as criterion_name,
        coalesce(criteria.is_required, false) as is_required,
        criteria.criterion_order,
        combined.was_visited,
        combined.is_met,
        combined.evidence,
        combined.met_at,
        combined.withdrawn_at,
        combined.recorded_at,
        combined.recorded_by_user_id
    from combined
    left join criteria
        on
            combined.stage = criteria.stage
            and combined.criterion_code = criteria.code
    left join stages
        on combined.stage = stages.stage
)

select * from final
