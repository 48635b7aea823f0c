with

versions as (
    {{ union_systems('qualification_notes', columns=[
        'source_system', 'source_id', 'opportunity_source_id', 'framework', 'note',
        'user_source_id', 'is_closed', 'completed_at', 'is_deleted', 'modified_at'
    ]) }}
),

ordered as (
    select
        *,
        row_number() over (
            partition by source_system, source_id
            order by modified_at desc
        ) as recency
    from versions
),

-- a planned task is no judgement yet
done as (
    select
        source_system,
        source_id,
        min(modified_at) as done_at
    from versions
    where is_closed
    group by source_system, source_id
),

final as (
    select
        {{ global_id('ordered.source_system', 'ordered.source_id') }} as note_id,
        ordered.source_system,
        ordered.source_id,
        {{ global_id('ordered.source_system', 'ordered.opportunity_source_id') }}
            as opportunity_id,
        ordered.framework,
        ordered.note,
        {{ global_id('ordered.source_system', 'ordered.user_source_id') }} as user_id,
        coalesce(ordered.completed_at, done.done_at) as assessed_at,
        greatest(done.done_at, coalesce(ordered.completed_at, done.done_at)) as recorded_at,
        case when ordered.is_deleted then ordered.modified_at end as withdrawn_at
    from ordered
    inner join done
        on
            ordered.source_system = done.source_system
            and ordered.source_id = done.source_id
    where
        ordered.recency = 1
        and ordered.opportunity_source_id is not null
)

select * from final
where recorded_at < {{ as_of_end() }}
