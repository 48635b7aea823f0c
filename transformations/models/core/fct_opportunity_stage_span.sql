with

opportunities as (
    select
        opportunity_id,
        source_system,
        source_id,
        created_at
    from {{ ref('int_crm__opportunities') }}
),

events as (
    select * from {{ ref('fct_opportunity_event') }}
),

stages as (
    select * from {{ ref('canonical_stages') }}
),

stage_events as (
    select
        opportunity_id,
        new_value as stage,
        changed_at,
        recorded_at,
        change_id,
        is_inferred,
        load_id,
        lag(new_value) over (
            partition by opportunity_id
            order by {{ event_order() }}
        ) as stage_before
    from events
    where
        field = 'stage'
        and new_value is not null
),

-- a stage that is written again without having been left goes on
entries as (
    select
        *,
        row_number() over (
            partition by opportunity_id
            order by {{ event_order() }}
        ) as span_number
    from stage_events
    where
        stage_before is null
        or stage_before <> stage
),

deletions as (
    select
        opportunity_id,
        changed_at as deleted_at
    from (
        select
            opportunity_id,
            new_value,
            changed_at,
            row_number() over (
                partition by opportunity_id
                order by {{ event_order(descending=true) }}
            ) as recency
        from events
        where field = 'is_deleted'
    ) as latest_deletion_flags
    where
        recency = 1
        and new_value = 'true'
),

-- nothing is entered before the opportunity exists, and it is in a stage from its creation on
clipped as (
    select
        entries.opportunity_id,
        opportunities.source_system,
        opportunities.source_id,
        entries.span_number,
        entries.stage,
        stages.stage_order,
        coalesce(stages.is_open, false) as is_open_stage,
        coalesce(stages.is_won, false) as is_won_stage,
        case
            when entries.span_number = 1 then opportunities.created_at
            else greatest(entries.changed_at, opportunities.created_at)
        end as entered_at,
        deletions.deleted_at,
        entries.is_inferred,
        entries.load_id
    from entries
    inner join opportunities
        on entries.opportunity_id = opportunities.opportunity_id
    left join stages
        on entries.stage = stages.stage
    left join deletions
        on entries.opportunity_id = deletions.opportunity_id
),

neighbours as (
    select
        *,
        row_number() over (
            partition by opportunity_id, stage
            order by span_number
        ) as visit_number,
        lag(stage) over (
            partition by opportunity_id
            order by span_number
        ) as previous_stage,
        lag(is_open_stage) over (
            partition by opportunity_id
            order by span_number
        ) as is_previous_open,
        lead(stage) over (
            partition by opportunity_id
            order by span_number
        ) as next_stage,
        lead(entered_at) over (
            partition by opportunity_id
            order by span_number
        ) as next_entered_at,
        sum(case when is_open_stage then 1 else 0 end) over (
            partition by opportunity_id
            order by span_number
            rows between unbounded preceding and current row
        ) as open_spans_so_far
    from clipped
),

open_spans as (
    select
        opportunity_id,
        open_spans_so_far as open_span_number,
        stage_order
    from neighbours
    where is_open_stage
),

compared as (
    select
        neighbours.*,
        open_spans.stage_order as previous_open_order,
        coalesce(
            neighbours.next_entered_at,
            case
                when neighbours.is_open_stage and neighbours.deleted_at is not null
                    then greatest(neighbours.deleted_at, neighbours.entered_at)
            end
        ) as exited_at
    from neighbours
    left join open_spans
        on
            neighbours.opportunity_id = open_spans.opportunity_id
            and neighbours.open_spans_so_far
            - case when neighbours.is_open_stage then 1 else 0 end
            = open_spans.open_span_number
),

final as (
    select
        opportunity_id,
        source_system,
        source_id,
        cast(span_number as integer) as span_number,
        stage,
        cast(visit_number as integer) as visit_number,
        cast(stage_order as integer) as stage_order,
        is_open_stage,
        previous_stage,
        next_stage,
        entered_at,
        exited_at,
        case
            when exited_at is not null
                then {{ elapsed_days('entered_at', 'exited_at') }}
            when is_open_stage
                then {{ elapsed_days('entered_at', as_of_end()) }}
        end as days_in_stage,
        next_entered_at is null as is_current,
        coalesce(
            (is_open_stage or is_won_stage) and stage_order > previous_open_order + 1,
            false
        ) as is_skip,
        coalesce(is_open_stage and stage_order < previous_open_order, false) as is_regression,
        coalesce(is_open_stage and not is_previous_open, false) as is_reopen,
        is_inferred,
        load_id
    from compared
)

select * from final
