-- One row per snapshot: what the lead had done with marketing, by what had happened and had been
-- recorded by the end of that day. Answers to campaigns are left out: a member of a campaign is one
-- row that is changed when the lead converts, and only its last change is kept. That somebody is a
-- member is known since the row was created. Weights halve as in lead_contacts.sql.
with

snapshots as (
    select * from requested_snapshot
),

events as (
    select
        lead_id,
        event_type as kind,
        occurred_at,
        recorded_at
    from core.fct_email_event
    where lead_id is not null
    union all
    select
        lead_id,
        touch_type as kind,
        occurred_at,
        recorded_at
    from core.fct_touchpoint
    where
        lead_id is not null
        and touch_type in ('form_submission', 'page_view')
    union all
    select
        lead_id,
        'membership' as kind,
        created_at as occurred_at,
        created_at as recorded_at
    from core.fct_campaign_member
    where lead_id is not null
),

visible as (
    select
        snapshots.lead_id,
        snapshots.as_of_date,
        snapshots.arrived_at,
        events.kind,
        events.occurred_at,
        cast(events.occurred_at as date) as occurred_date,
        events.kind in ('open', 'click', 'form_submission', 'page_view') as is_interest,
        date_diff('second', events.occurred_at, snapshots.as_of_end) / 86400.0 as days_ago
    from snapshots
    inner join events
        on
            snapshots.lead_id = events.lead_id
            and snapshots.as_of_end > events.occurred_at
            and snapshots.as_of_end > events.recorded_at
),

weighted as (
    select
        *,
        cast(power(2.0, -days_ago / 3.0) as decimal(18, 9)) as weight_3d,
        cast(power(2.0, -days_ago / 7.0) as decimal(18, 9)) as weight_7d,
        cast(power(2.0, -days_ago / 14.0) as decimal(18, 9)) as weight_14d,
        cast(power(2.0, -days_ago / 30.0) as decimal(18, 9)) as weight_30d
    from visible
)

select
    lead_id,
    as_of_date,
    count(*) filter (where kind = 'sent') as mailings_total,
    count(*) filter (where kind = 'open') as opens_total,
    count(*) filter (where kind = 'click') as clicks_total,
    count(*) filter (where kind = 'bounce') as bounces_total,
    count(*) filter (where kind = 'unsubscribe') as unsubscribes_total,
    count(*) filter (where kind = 'form_submission') as forms_total,
    count(*) filter (where kind = 'form_submission' and occurred_at > arrived_at)
        as forms_since_arrival,
    count(*) filter (where kind = 'page_view') as views_total,
    count(*) filter (where kind = 'page_view' and days_ago < 7) as views_7d,
    count(*) filter (where kind = 'page_view' and days_ago < 30) as views_30d,
    count(distinct case when kind = 'page_view' then occurred_date end) as visit_days_total,
    count(*) filter (where kind = 'membership') as campaigns_total,
    min(days_ago) filter (where kind = 'page_view') as days_since_view,
    min(days_ago) filter (where is_interest) as days_since_interest,
    cast(coalesce(sum(weight_3d) filter (where is_interest), 0) as double)
        as interest_decayed_3d,
    cast(coalesce(sum(weight_7d) filter (where is_interest), 0) as double)
        as interest_decayed_7d,
    cast(coalesce(sum(weight_14d) filter (where is_interest), 0) as double)
        as interest_decayed_14d,
    cast(coalesce(sum(weight_30d) filter (where is_interest), 0) as double)
        as interest_decayed_30d
from weighted
group by lead_id, as_of_date
order by lead_id, as_of_date
