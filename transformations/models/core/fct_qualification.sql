with

notes as (
    select
        *,
        cast(assessed_at as date) as assessed_date
    from {{ ref('int_crm__qualification_notes') }}
),

elements as (
    select * from {{ ref('stage_criteria') }}
    where kind = 'qualification'
),

-- a note says "Budget: yes; Authority: no"; an element that it does not name is not judged
judged as (
    select
        notes.*,
        elements.code as criterion_code,
        elements.name as criterion_name,
        elements.criterion_order,
        case
            when {{ regexp_like(
                "replace(lower(notes.note), lower(elements.name), '@')", '@ *: *(yes|y|true|met)'
            ) }} then true
            when {{ regexp_like(
                "replace(lower(notes.note), lower(elements.name), '@')", '@ *: *(no|n|false|open)'
            ) }} then false
        end as is_met
    from notes
    inner join elements
        on lower(notes.framework) = lower(elements.framework)
),

answered as (
    select
        *,
        sum(case when is_met then 1 else 0 end) over (partition by note_id) as score,
        count(*) over (partition by note_id) as judged_count,
        row_number() over (
            partition by opportunity_id, framework, criterion_code, assessed_date
            order by
                case when withdrawn_at is null then 0 else 1 end,
                assessed_at desc,
                note_id desc
        ) as day_preference,
        row_number() over (
            partition by opportunity_id, framework, criterion_code
            order by
                case when withdrawn_at is null then 0 else 1 end,
                assessed_at desc,
                note_id desc
        ) as preference
    from judged
    where is_met is not null
),

final as (
    select
        opportunity_id,
        framework,
        criterion_code,
        assessed_date,
        source_system,
        source_id,
        criterion_name,
        cast(criterion_order as integer) as criterion_order,
        is_met,
        note as evidence,
        cast(score as integer) as score,
        cast(judged_count as integer) as judged_count,
        preference = 1 and withdrawn_at is null as is_latest,
        user_id,
        assessed_at,
        recorded_at,
        withdrawn_at
    from answered
    where day_preference = 1
)

select * from final
