-- Invariant: every lead stands there once with its creation; nobody was answered before it was
-- there, and business time is never longer than the time that passed.
with

leads as (
    select
        lead_id,
        created_at
    from {{ ref('dim_lead') }}
    where
        is_current
        and not is_inferred
),

judged as (
    select
        coalesce(leads.lead_id, responses.lead_id) as lead_id,
        case
            when responses.lead_id is null then 'the lead is missing'
            when leads.lead_id is null then 'there is no such lead'
            when responses.created_at <> leads.created_at then 'another creation'
            when responses.first_touch_at < responses.created_at then 'answered before it was there'
            when responses.is_contacted <> (responses.first_touch_at is not null)
                then 'contacted without a touch'
            when responses.observed_business_minutes < 0 then 'less than no time'
            when
                responses.business_minutes_to_first_touch
                > responses.minutes_to_first_touch + 0.01
                then 'more business time than time'
            when responses.attempt_count > responses.outreach_count
                then 'more attempts than touches'
            when responses.is_target_met and not responses.is_contacted
                then 'in time without a touch'
        end as problem
    from leads
    full outer join {{ ref('mart_lead_response') }} as responses
        on leads.lead_id = responses.lead_id
)

select * from judged
where problem is not null
