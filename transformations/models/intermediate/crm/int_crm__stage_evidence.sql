with

versions as (
    {{ union_systems('stage_evidence', columns=[
        'source_system', 'source_id', 'opportunity_source_id', 'source_stage', 'criterion',
        'is_met', 'evidence', 'modified_by_user_source_id', 'is_deleted', 'modified_at'
    ]) }}
),

stages as (
    select distinct
        source_system,
        lower(source_stage) as source_stage,
        stage
    from {{ ref('int_crm__stages') }}
),

ordered as (
    select
        *,
        is_met and not is_deleted as holds,
        row_number() over (
            partition by source_system, source_id
            order by modified_at desc
        ) as recency,
        lead(modified_at) over (
            partition by source_system, source_id
            order by modified_at
        ) as next_modified_at
    from versions
),

lives as (
    select
        source_system,
        source_id,
        min(modified_at) as recorded_at,
        min(case when holds then modified_at end) as met_at,
        max(case when holds then next_modified_at end) as left_at,
        max(case when holds and next_modified_at is null then 1 else 0 end) as is_met_now
    from ordered
    group by source_system, source_id
),

final as (
    select
        {{ global_id('ordered.source_system', 'ordered.source_id') }} as evidence_id,
        ordered.source_system,
        ordered.source_id,
        {{ global_id('ordered.source_system', 'ordered.opportunity_source_id') }}
            as opportunity_id,
        stages.stage,
        lower(
            {{ regexp_replace_all(
                'trim(ordered.criterion)', '[^A-Za-z0-9]+', '_'
            ) }}
        ) as criterion_code,
        ordered.evidence,
        {{ global_id('ordered.source_system', 'ordered.modified_by_user_source_id') }}
            as recorded_by_user_id,
        lives.recorded_at,
        lives.met_at,
        case when lives.is_met_now = 0 then lives.left_at end as withdrawn_at,
        ordered.is_deleted,
        ordered.modified_at
    from ordered
    inner join lives
        on
            ordered.source_system = lives.source_system
            and ordered.source_id = lives.source_id
    inner join stages
        on
            ordered.source_system = stages.source_system
            and lower(ordered.source_stage) = stages.source_stage
    where ordered.recency = 1
)

select * from final
