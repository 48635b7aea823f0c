-- One row per snapshot: what the latest judgement of each element of qualification said, which
-- evidence of stages was met, and which rivals were known, by the end of that day. What was
-- withdrawn later still counts; what was withdrawn by then does not.
with

snapshots as (
    select * from requested_snapshot
),

judgements as (
    select
        snapshots.opportunity_id,
        snapshots.as_of_date,
        judged.criterion_code,
        judged.is_met,
        row_number() over (
            partition by
                snapshots.opportunity_id,
                snapshots.as_of_date,
                judged.framework,
                judged.criterion_code
            order by judged.assessed_at desc, judged.recorded_at desc, judged.source_id desc
        ) as recency
    from snapshots
    inner join core.fct_qualification as judged
        on
            snapshots.opportunity_id = judged.opportunity_id
            and snapshots.as_of_end > judged.assessed_at
            and snapshots.as_of_end > judged.recorded_at
            and (judged.withdrawn_at is null or snapshots.as_of_end <= judged.withdrawn_at)
),

qualification as (
    select
        opportunity_id,
        as_of_date,
        count(*) as qualification_judged_count,
        count(*) filter (where is_met) as qualification_met_count,
        bool_or(is_met) filter (where criterion_code = 'budget') as has_budget,
        bool_or(is_met) filter (where criterion_code = 'authority') as has_authority,
        bool_or(is_met) filter (where criterion_code = 'need') as has_need,
        bool_or(is_met) filter (where criterion_code = 'timeline') as has_timeline
    from judgements
    where recency = 1
    group by opportunity_id, as_of_date
),

evidence as (
    select
        snapshots.opportunity_id,
        snapshots.as_of_date,
        count(*) as evidence_count,
        count(*) filter (where met.stage = snapshots.stage) as stage_evidence_count
    from snapshots
    inner join core.fct_stage_evidence as met
        on
            snapshots.opportunity_id = met.opportunity_id
            and snapshots.as_of_end > met.met_at
            and snapshots.as_of_end > met.recorded_at
            and (met.withdrawn_at is null or snapshots.as_of_end <= met.withdrawn_at)
    group by snapshots.opportunity_id, snapshots.as_of_date
),

rivals as (
    select
        snapshots.opportunity_id,
        snapshots.as_of_date,
        count(*) as rival_count,
        min(
            date_diff('day', competitors.first_seen_at, snapshots.as_of_end - interval 1 second)
        ) as days_since_rival
    from snapshots
    inner join core.fct_opportunity_competitor as competitors
        on
            snapshots.opportunity_id = competitors.opportunity_id
            and snapshots.as_of_end > competitors.first_seen_at
            and (competitors.removed_at is null or snapshots.as_of_end <= competitors.removed_at)
    group by snapshots.opportunity_id, snapshots.as_of_date
)

select
    snapshots.opportunity_id,
    snapshots.as_of_date,
    qualification.qualification_judged_count,
    qualification.qualification_met_count,
    qualification.has_budget,
    qualification.has_authority,
    qualification.has_need,
    qualification.has_timeline,
    evidence.evidence_count,
    evidence.stage_evidence_count,
    rivals.rival_count,
    rivals.days_since_rival
from snapshots
left join qualification
    on
        snapshots.opportunity_id = qualification.opportunity_id
        and snapshots.as_of_date = qualification.as_of_date
left join evidence
    on
        snapshots.opportunity_id = evidence.opportunity_id
        and snapshots.as_of_date = evidence.as_of_date
left join rivals
    on
        snapshots.opportunity_id = rivals.opportunity_id
        and snapshots.as_of_date = rivals.as_of_date
order by snapshots.opportunity_id, snapshots.as_of_date
