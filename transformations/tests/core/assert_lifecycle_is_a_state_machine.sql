-- Invariant: a person is in one stage at a time, without a gap, and a lead begins as a Lead.
with

people as (
    select
        leads.lead_id,
        leads.is_deleted
    from {{ ref('dim_lead') }} as leads
    where
        leads.is_current
        and not leads.is_inferred
),

entries as (
    select
        *,
        lead(entered_at) over (
            partition by person_id
            order by event_number
        ) as next_entered_at
    from {{ ref('fct_lifecycle_event') }}
),

judged as (
    select
        coalesce(entries.person_id, people.lead_id) as person_id,
        entries.event_number,
        case
            when entries.person_id is null
                then 'a lead without a stage'
            when entries.event_number = 1 and people.lead_id is not null and entries.stage <> 'Lead'
                then 'a lead does not begin as one'
            when entries.stage = entries.previous_stage
                then 'the stage was not left'
            when
                not entries.is_current
                and coalesce(entries.exited_at <> entries.next_entered_at, true)
                then 'the next stage does not begin where it ends'
            when entries.exited_at < entries.entered_at
                then 'ends before it begins'
            when
                entries.is_current
                and entries.exited_at is not null
                and not coalesce(people.is_deleted, false)
                then 'the last stage has an end'
            when entries.is_return and entries.is_regression
                then 'came back and fell back at once'
            when entries.recorded_at < entries.entered_at
                then 'recorded before it took place'
        end as problem
    from people
    full outer join entries
        on people.lead_id = entries.person_id
)

select * from judged
where problem is not null
