-- One row per snapshot of an opportunity that came of a lead: what was known of the lead by the end
-- of that day, and what it had done before it was converted.
with

snapshots as (
    select * from requested_snapshot
),

lead_versions as (
    select
        *,
        coalesce(valid_to, timestamp '9999-12-31') as valid_until
    from core.dim_lead
    where converted_opportunity_id is not null
),

leads as (
    select
        snapshots.opportunity_id,
        snapshots.as_of_date,
        snapshots.as_of_end,
        lead_versions.lead_id,
        lead_versions.rating as lead_rating,
        lead_versions.converted_at,
        date_diff('day', lead_versions.created_at, lead_versions.converted_at)
            as lead_days_to_convert,
        row_number() over (
            partition by snapshots.opportunity_id, snapshots.as_of_date
            order by lead_versions.converted_at, lead_versions.lead_id
        ) as preference
    from snapshots
    inner join lead_versions
        on
            snapshots.opportunity_id = lead_versions.converted_opportunity_id
            and snapshots.as_of_end > lead_versions.valid_from
            and snapshots.as_of_end <= lead_versions.valid_until
            and snapshots.as_of_end > lead_versions.converted_at
),

first_leads as (
    select * from leads
    where preference = 1
),

answers as (
    select
        first_leads.opportunity_id,
        first_leads.as_of_date,
        count(*) as lead_inbound_count
    from first_leads
    inner join core.fct_activity as activities
        on
            first_leads.lead_id = activities.person_lead_id
            and first_leads.converted_at > activities.occurred_at
            and first_leads.as_of_end > activities.recorded_at
    where activities.direction = 'inbound'
    group by first_leads.opportunity_id, first_leads.as_of_date
),

touches as (
    select
        first_leads.opportunity_id,
        first_leads.as_of_date,
        count(*) as lead_touch_count
    from first_leads
    inner join core.fct_touchpoint as touched
        on
            first_leads.lead_id = touched.lead_id
            and first_leads.converted_at > touched.occurred_at
            and first_leads.as_of_end > touched.recorded_at
    group by first_leads.opportunity_id, first_leads.as_of_date
)

select
    first_leads.opportunity_id,
    first_leads.as_of_date,
    first_leads.lead_rating,
    first_leads.lead_days_to_convert,
    coalesce(answers.lead_inbound_count, 0) as lead_inbound_count,
    coalesce(touches.lead_touch_count, 0) as lead_touch_count
from first_leads
left join answers
    on
        first_leads.opportunity_id = answers.opportunity_id
        and first_leads.as_of_date = answers.as_of_date
left join touches
    on
        first_leads.opportunity_id = touches.opportunity_id
        and first_leads.as_of_date = touches.as_of_date
order by first_leads.opportunity_id, first_leads.as_of_date
