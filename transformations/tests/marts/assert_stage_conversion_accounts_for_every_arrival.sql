with

expected as (
    select
        spans.stage,
        count(distinct spans.opportunity_id) as visited_count
    from {{ ref('fct_opportunity_stage_span') }} as spans
    inner join {{ ref('fct_opportunity') }} as opportunities
        on spans.opportunity_id = opportunities.opportunity_id
    where
        spans.is_open_stage
        and not opportunities.is_deleted
        and not {{ is_false_record('opportunities.loss_reason') }}
    group by spans.stage
),

published as (
    select
        period_type,
        segment_type,
        stage,
        sum(entered_count) as entered_count,
        sum(skipped_count) as skipped_count,
        sum(progressed_count) as progressed_count,
        sum(open_count) as open_count,
        sum(lost_count) as lost_count,
        sum(revisit_count) as revisit_count
    from {{ ref('mart_stage_conversion') }}
    group by period_type, segment_type, stage
)

-- A deal that passed over a stage may still have visited it later.
select
    published.*,
    expected.visited_count
from published
left join expected on published.stage = expected.stage
where
    published.entered_count <> published.progressed_count + published.open_count
    + published.lost_count
    or published.entered_count < coalesce(expected.visited_count, 0)
    or published.entered_count - published.skipped_count > coalesce(expected.visited_count, 0)
