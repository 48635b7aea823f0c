-- One row per snapshot: how much a deal usually sees on its way through the stages, given how long
-- it has been in each: the sum over its days of what happens per day to all deals in that part of
-- that stage, learnt from what was known when the month of the snapshot began. A deal that moves
-- fast has fewer e-mails than a slow one; against what is usual it may have more. Beside it, how
-- much evidence of stages the owner's deals hold against what is usual: some record more than
-- others.
-- Every change of stage counts from the moment at which it was known.
with

snapshots as (
    select * from requested_snapshot
),

changes as (
    select
        opportunity_id,
        new_value as stage,
        greatest(changed_at, recorded_at) as entered_at,
        lead(greatest(changed_at, recorded_at), 1, timestamp '9999-12-31') over (
            partition by opportunity_id
            order by greatest(changed_at, recorded_at), changed_at, change_id
        ) as left_at
    from core.fct_opportunity_event
    where field = 'stage'
),

owner_changes as (
    select
        opportunity_id,
        greatest(changed_at, recorded_at) as known_at,
        max_by(new_value, (changed_at, change_id)) as owner_user_id
    from core.fct_opportunity_event
    where field = 'owner_user_id'
    group by opportunity_id, greatest(changed_at, recorded_at)
),

visits as (
    select
        changes.opportunity_id,
        changes.stage,
        changes.entered_at,
        changes.left_at,
        coalesce(owner_changes.owner_user_id, '') as owner_user_id
    from changes
    asof left join owner_changes
        on
            changes.opportunity_id = owner_changes.opportunity_id
            and changes.entered_at >= owner_changes.known_at
    where
        changes.left_at > changes.entered_at
        and changes.stage is not null
        and changes.stage not in ('Closed Won', 'Closed Lost')
),

-- a stage is not the same in its first week and after two months
parts as (
    select
        part,
        first_day,
        last_day
    from (values (1, 0, 7), (2, 7, 21), (3, 21, 49), (4, 49, 36500)) as given (
        part, first_day, last_day
    )
),

spans as (
    select
        visits.opportunity_id,
        visits.stage,
        visits.owner_user_id,
        parts.part,
        visits.entered_at + to_days(parts.first_day) as starts_at,
        least(visits.left_at, visits.entered_at + to_days(parts.last_day)) as ends_at
    from visits
    inner join parts on visits.left_at > visits.entered_at + to_days(parts.first_day)
),

matches as (
    select distinct
        opportunity_id,
        activity_id
    from core.bridge_activity_opportunity
    where confidence >= 0.5
),

marks as (
    select
        matches.opportunity_id,
        greatest(activities.occurred_at, activities.recorded_at) as known_at,
        case
            when activities.activity_type in ('meeting', 'event') then 'meeting'
            when activities.activity_type = 'call' and activities.outcome = 'connected'
                then 'answered'
            else 'inbound'
        end as kind
    from matches
    inner join core.fct_activity as activities on matches.activity_id = activities.activity_id
    where
        not coalesce(activities.is_automated, false)
        and (
            (
                activities.activity_type in ('meeting', 'event')
                and coalesce(activities.outcome, 'held') not in ('cancelled', 'no_show')
            )
            or (activities.activity_type = 'call' and activities.outcome = 'connected')
            or (activities.activity_type = 'email' and activities.direction = 'inbound')
        )
    union all
    select
        opportunity_id,
        greatest(met_at, recorded_at) as known_at,
        'evidence' as kind
    from core.fct_stage_evidence
    where met_at is not null and recorded_at is not null
    union all
    select
        opportunity_id,
        created_at as known_at,
        'role' as kind
    from core.fct_opportunity_contact
),

-- by month, so that what was there before each month is a sum over months
marks_by_month as (
    select
        spans.stage,
        spans.part,
        spans.owner_user_id,
        date_trunc('month', marks.known_at) as month_start,
        count(*) filter (where marks.kind = 'inbound') as inbound,
        count(*) filter (where marks.kind = 'meeting') as meetings,
        count(*) filter (where marks.kind = 'answered') as answered,
        count(*) filter (where marks.kind = 'evidence') as evidence,
        count(*) filter (where marks.kind = 'role') as roles
    from marks
    asof inner join spans
        on marks.opportunity_id = spans.opportunity_id and marks.known_at >= spans.starts_at
    where marks.known_at < spans.ends_at
    group by spans.stage, spans.part, spans.owner_user_id, date_trunc('month', marks.known_at)
),

asked_months as (
    select distinct cast(date_trunc('month', as_of_date) as timestamp) as month_start
    from snapshots
),

last_month as (
    select max(month_start) as month_start
    from asked_months
),

span_months as (
    select
        spans.*,
        unnest(
            generate_series(
                date_trunc('month', spans.starts_at),
                least(spans.ends_at, last_month.month_start) - interval 1 microsecond,
                interval 1 month
            )
        ) as month_start
    from spans
    cross join last_month
    where spans.starts_at < last_month.month_start
),

days_by_month as (
    select
        stage,
        part,
        owner_user_id,
        month_start,
        sum(
            date_diff(
                'second',
                greatest(starts_at, month_start),
                least(ends_at, month_start + interval 1 month)
            )
        ) as second_count
    from span_months
    group by stage, part, owner_user_id, month_start
),

months as (
    select
        days_by_month.stage,
        days_by_month.part,
        days_by_month.owner_user_id,
        days_by_month.month_start,
        days_by_month.second_count,
        coalesce(marks_by_month.inbound, 0) as inbound,
        coalesce(marks_by_month.meetings, 0) as meetings,
        coalesce(marks_by_month.answered, 0) as answered,
        coalesce(marks_by_month.evidence, 0) as evidence,
        coalesce(marks_by_month.roles, 0) as roles
    from days_by_month
    left join marks_by_month
        on
            days_by_month.stage = marks_by_month.stage
            and days_by_month.part = marks_by_month.part
            and days_by_month.owner_user_id = marks_by_month.owner_user_id
            and days_by_month.month_start = marks_by_month.month_start
),

owners_before as (
    select
        asked_months.month_start,
        months.stage,
        months.part,
        months.owner_user_id,
        sum(months.second_count) as second_count,
        sum(months.inbound) as inbound,
        sum(months.meetings) as meetings,
        sum(months.answered) as answered,
        sum(months.evidence) as evidence,
        sum(months.roles) as roles
    from asked_months
    inner join months on asked_months.month_start > months.month_start
    group by asked_months.month_start, months.stage, months.part, months.owner_user_id
),

-- per second
rates as (
    select
        month_start,
        stage,
        part,
        cast(sum(inbound) as double) / sum(second_count) as inbound,
        cast(sum(meetings) as double) / sum(second_count) as meetings,
        cast(sum(answered) as double) / sum(second_count) as answered,
        cast(sum(evidence) as double) / sum(second_count) as evidence,
        cast(sum(roles) as double) / sum(second_count) as roles
    from owners_before
    group by month_start, stage, part
    having sum(second_count) > 0
),

owners as (
    select
        owners_before.month_start,
        owners_before.owner_user_id,
        cast(sum(owners_before.evidence) as bigint) as owner_evidence_count,
        fsum(owners_before.second_count * rates.evidence order by rates.stage, rates.part)
            as owner_usual_evidence
    from owners_before
    inner join rates
        on
            owners_before.month_start = rates.month_start
            and owners_before.stage = rates.stage
            and owners_before.part = rates.part
    group by owners_before.month_start, owners_before.owner_user_id
),

lived as (
    select
        snapshots.opportunity_id,
        snapshots.as_of_date,
        cast(date_trunc('month', snapshots.as_of_date) as timestamp) as month_start,
        spans.stage,
        spans.part,
        sum(date_diff('second', spans.starts_at, least(spans.ends_at, snapshots.as_of_end)))
            as second_count
    from snapshots
    inner join spans
        on
            snapshots.opportunity_id = spans.opportunity_id
            and snapshots.as_of_end > spans.starts_at
    group by snapshots.opportunity_id, snapshots.as_of_date, spans.stage, spans.part
),

usual as (
    select
        lived.opportunity_id,
        lived.as_of_date,
        fsum(lived.second_count * rates.inbound order by lived.stage, lived.part)
            as usual_inbound,
        fsum(lived.second_count * rates.meetings order by lived.stage, lived.part)
            as usual_meetings,
        fsum(lived.second_count * rates.answered order by lived.stage, lived.part)
            as usual_answered,
        fsum(lived.second_count * rates.evidence order by lived.stage, lived.part)
            as usual_evidence,
        fsum(lived.second_count * rates.roles order by lived.stage, lived.part) as usual_roles
    from lived
    inner join rates
        on
            lived.month_start = rates.month_start
            and lived.stage = rates.stage
            and lived.part = rates.part
    group by lived.opportunity_id, lived.as_of_date
)

select
    usual.*,
    owners.owner_evidence_count,
    owners.owner_usual_evidence
from usual
inner join snapshots
    on
        usual.opportunity_id = snapshots.opportunity_id
        and usual.as_of_date = snapshots.as_of_date
left join owners
    on
        date_trunc('month', snapshots.as_of_date) = owners.month_start
        and coalesce(snapshots.owner_user_id, '') = owners.owner_user_id
order by usual.opportunity_id, usual.as_of_date
