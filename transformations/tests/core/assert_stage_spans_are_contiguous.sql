-- Invariant: the spans of a deal neither overlap nor leave gaps from its creation to its closing,
-- its deletion or the as-of date.
with

spans as (
    select
        *,
        lead(entered_at) over (
            partition by opportunity_id
            order by span_number
        ) as next_entered_at
    from {{ ref('fct_opportunity_stage_span') }}
),

judged as (
    select
        opportunities.opportunity_id,
        spans.span_number,
        case
            when spans.opportunity_id is null
                then 'no span'
            when spans.span_number = 1 and spans.entered_at <> opportunities.created_at
                then 'does not begin at the creation'
            when spans.exited_at < spans.entered_at
                then 'ends before it begins'
            when not spans.is_current and coalesce(spans.exited_at <> spans.next_entered_at, true)
                then 'the next one does not begin where it ends'
            when spans.is_current and spans.exited_at is not null and not opportunities.is_deleted
                then 'the last one has an end'
            when spans.is_current and coalesce(spans.stage <> opportunities.stage, true)
                then 'the last one is not the stage of the deal'
        end as problem
    from {{ ref('fct_opportunity') }} as opportunities
    left join spans
        on opportunities.opportunity_id = spans.opportunity_id
)

select * from judged
where problem is not null
