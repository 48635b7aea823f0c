-- One row per snapshot: the lead as its version of that day says, and how far it had come by the
-- steps that had been recorded by the end of that day. A lead that nobody knew of is absent.
with

snapshots as (
    select * from requested_snapshot
),

-- an open end as a far day: with "or" in its condition a join would compare every pair of rows
versions as (
    select
        *,
        coalesce(cast(valid_to as timestamp), timestamp '9999-12-31') as valid_until
    from core.dim_lead
    where not is_inferred
),

held as (
    select
        snapshots.as_of_date,
        snapshots.as_of_end,
        versions.*
    from snapshots
    inner join versions
        on
            snapshots.lead_id = versions.lead_id
            and snapshots.as_of_end > versions.valid_from
            and snapshots.as_of_end <= versions.valid_until
),

owners as (
    select
        snapshots.lead_id,
        snapshots.as_of_date,
        count(distinct versions.owner_user_id) as owner_count
    from snapshots
    inner join versions
        on
            snapshots.lead_id = versions.lead_id
            and snapshots.as_of_end > versions.valid_from
    group by snapshots.lead_id, snapshots.as_of_date
),

visible_steps as (
    select
        snapshots.lead_id,
        snapshots.as_of_date,
        snapshots.as_of_end,
        steps.stage,
        steps.entered_at,
        steps.is_recycle,
        steps.is_return,
        row_number() over (
            partition by snapshots.lead_id, snapshots.as_of_date
            order by steps.event_number desc
        ) as recency
    from snapshots
    inner join core.fct_lifecycle_event as steps
        on
            snapshots.lead_id = steps.lead_id
            and snapshots.as_of_end > steps.entered_at
            and snapshots.as_of_end > steps.recorded_at
),

progress as (
    select
        lead_id,
        as_of_date,
        as_of_end,
        min(entered_at) as arrived_at,
        max(case when recency = 1 then stage end) as lead_stage,
        max(case when recency = 1 then entered_at end) as stage_entered_at,
        min(case when stage = 'SAL' then entered_at end) as accepted_at,
        bool_or(stage in ('SQL', 'Opportunity', 'Customer')) as is_converted,
        count(*) as step_count,
        count(*) filter (where is_recycle) as recycle_count,
        count(*) filter (where is_return) as return_count
    from visible_steps
    group by lead_id, as_of_date, as_of_end
)

select
    held.lead_id,
    held.as_of_date,
    held.owner_user_id,
    held.email,
    lower(trim(held.company)) as company,
    held.title,
    held.lead_source,
    held.industry,
    held.rating,
    held.country,
    held.region,
    cast(held.employee_count as double) as employee_count,
    held.is_email_valid,
    held.is_deleted,
    progress.arrived_at,
    progress.lead_stage,
    progress.is_converted or coalesce(held.is_converted, false) as is_converted,
    progress.lead_stage in ('Lead', 'MQL', 'SAL', 'Recycled')
    and not progress.is_converted
    and not coalesce(held.is_converted, false)
    and not held.is_deleted as is_open,
    date_diff('second', progress.arrived_at, held.as_of_end) / 86400.0 as age_days,
    date_diff('second', progress.stage_entered_at, held.as_of_end) / 86400.0 as days_in_stage,
    date_diff('second', progress.arrived_at, progress.accepted_at) / 3600.0 as hours_to_acceptance,
    progress.step_count,
    progress.recycle_count,
    progress.return_count,
    owners.owner_count - 1 as owner_change_count
from held
inner join progress
    on
        held.lead_id = progress.lead_id
        and held.as_of_date = progress.as_of_date
inner join owners
    on
        held.lead_id = owners.lead_id
        and held.as_of_date = owners.as_of_date
order by held.lead_id, held.as_of_date
