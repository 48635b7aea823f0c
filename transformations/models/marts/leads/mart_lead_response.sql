{#- An address that more leads than this have is nobody's own, as in int_crm__person_emails. -#}
{%- set most_people = 20 -%}

with

lead_versions as (
    select * from {{ ref('dim_lead') }}
    where not is_inferred
),

lifecycle as (
    select * from {{ ref('fct_lifecycle_event') }}
    where lead_id is not null
),

activities as (
    select * from {{ ref('fct_activity') }}
),

user_versions as (
    select * from {{ ref('dim_user') }}
),

business_days as (
    select * from {{ ref('dim_business_day') }}
),

business_hours as (
    select * from {{ ref('business_hours') }}
),

channels as (
    select * from {{ ref('channels') }}
    where evidence = 'lead_source'
),

targets as (
    select * from {{ ref('lead_response_targets') }}
),

clock as (
    select
        {{ as_of_date() }} as as_of_date,
        {{ as_of_end() }} as as_of_end
),

first_versions as (
    select
        lead_id,
        owner_user_id
    from (
        select
            lead_id,
            owner_user_id,
            row_number() over (
                partition by lead_id
                order by valid_from
            ) as version_number
        from lead_versions
    ) as numbered
    where version_number = 1
),

-- where a lead is and since when it is no longer waiting: sold to, rejected, recycled or deleted
progress as (
    select
        lead_id,
        min(case when event_number = 1 then entered_at end) as created_at,
        max(case when is_current then stage end) as lifecycle_stage,
        max(
            case when is_current and stage in ('Lead', 'MQL', 'SAL') then 1 else 0 end
        ) as is_waiting_stage,
        min(case when stage = 'SAL' then entered_at end) as accepted_at,
        min(case when stage in ('SQL', 'Opportunity', 'Customer') then entered_at end) as sold_at,
        max(case when is_current and is_exit then entered_at end) as left_at
    from lifecycle
    group by lead_id
),

leads as (
    select
        current_leads.lead_id,
        current_leads.email,
        current_leads.is_email_valid,
        current_leads.lead_source,
        current_leads.rating,
        current_leads.region,
        current_leads.is_deleted,
        current_leads.is_converted,
        current_leads.converted_contact_id,
        current_leads.converted_opportunity_id,
        current_leads.owner_user_id as current_owner_user_id,
        first_versions.owner_user_id,
        progress.created_at,
        progress.lifecycle_stage,
        progress.accepted_at,
        progress.sold_at,
        progress.is_waiting_stage = 1 and not current_leads.is_deleted as is_open,
        least(
            case
                when current_leads.is_deleted then current_leads.valid_from
                else clock.as_of_end
            end,
            coalesce(progress.sold_at, clock.as_of_end),
            coalesce(progress.left_at, clock.as_of_end)
        ) as observed_until,
        clock.as_of_date
    from lead_versions as current_leads
    cross join clock
    inner join progress
        on current_leads.lead_id = progress.lead_id
    inner join first_versions
        on current_leads.lead_id = first_versions.lead_id
    where current_leads.is_current
),

shared_addresses as (
    select email
    from leads
    where email is not null
    group by email
    having count(*) > {{ most_people }}
),

addressed as (
    select
        leads.lead_id,
        leads.email,
        leads.created_at,
        leads.observed_until
    from leads
    left join shared_addresses
        on leads.email = shared_addresses.email
    where
        leads.is_email_valid
        and not leads.is_deleted
        and shared_addresses.email is null
),

-- a person who is entered again while an earlier record of it is still worked on
duplicates as (
    select
        later.lead_id,
        originals.lead_id as duplicate_of_lead_id,
        row_number() over (
            partition by later.lead_id
            order by originals.created_at, originals.lead_id
        ) as choice
    from addressed as later
    inner join addressed as originals
        on
            later.email = originals.email
            and later.lead_id <> originals.lead_id
            and later.created_at < originals.observed_until
            and (
                later.created_at > originals.created_at
                or (later.created_at = originals.created_at and later.lead_id > originals.lead_id)
            )
),

owned as (
    select
        leads.*,
        duplicates.duplicate_of_lead_id,
        coalesce(channels.channel, 'other') as channel,
        users.region as sales_region,
        coalesce(owner_hours.region, lead_hours.region, 'Unknown') as business_region
    from leads
    left join duplicates
        on
            leads.lead_id = duplicates.lead_id
            and duplicates.choice = 1
    left join channels
        on lower(leads.lead_source) = channels.value
    left join user_versions as users
        on
            leads.owner_user_id = users.user_id
            and {{ holds_at('users', 'leads.created_at') }}
    left join business_hours as owner_hours
        on users.region = owner_hours.region
    left join business_hours as lead_hours
        on leads.region = lead_hours.region
),

zoned as (
    select
        owned.*,
        business_hours.time_zone
    from owned
    inner join business_hours
        on owned.business_region = business_hours.region
),

judged_activities as (
    select
        activity_id,
        person_lead_id,
        person_contact_id,
        activity_type,
        user_id,
        occurred_at,
        occurred_date,
        {{ is_human_outreach() }} as is_outreach,
        not coalesce(is_automated, false) and {{ is_two_way() }} as is_connect
    from activities
),

-- with the lead, and later with the contact that it became
person_activities as (
    select
        judged_activities.person_lead_id as lead_id,
        judged_activities.*
    from judged_activities
    where
        judged_activities.person_lead_id is not null
        and (judged_activities.is_outreach or judged_activities.is_connect)
    union all
    select
        leads.lead_id,
        judged_activities.*
    from judged_activities
    inner join leads
        on judged_activities.person_contact_id = leads.converted_contact_id
    where
        judged_activities.is_outreach
        or judged_activities.is_connect
),

-- what is known by its day alone stands at midnight: on the lead's first day it came after it
touches as (
    select
        person_activities.lead_id,
        person_activities.activity_id,
        person_activities.activity_type,
        person_activities.user_id,
        person_activities.is_outreach,
        person_activities.is_connect,
        greatest(person_activities.occurred_at, leads.created_at) as touched_at
    from person_activities
    inner join leads
        on person_activities.lead_id = leads.lead_id
    where
        person_activities.occurred_at >= leads.created_at
        or (
            person_activities.occurred_date = cast(leads.created_at as date)
            and person_activities.occurred_at
            = cast(person_activities.occurred_date as timestamp)
        )
),

first_touches as (
    select *
    from (
        select
            *,
            row_number() over (
                partition by lead_id
                order by touched_at, activity_id
            ) as touch_number
        from touches
        where is_outreach
    ) as numbered
    where touch_number = 1
),

first_connects as (
    select
        lead_id,
        min(touched_at) as first_connect_at
    from touches
    where is_connect
    group by lead_id
),

attempts as (
    select
        touches.lead_id,
        count(*) as outreach_count,
        sum(
            case
                when
                    first_connects.first_connect_at is null
                    or touches.touched_at <= first_connects.first_connect_at
                    then 1
                else 0
            end
        ) as attempt_count
    from touches
    left join first_connects
        on touches.lead_id = first_connects.lead_id
    where touches.is_outreach
    group by touches.lead_id
),

ranked_targets as (
    select
        leads.lead_id,
        targets.business_minutes,
        row_number() over (
            partition by leads.lead_id
            order by
                case when targets.lead_source = 'any' then 1 else 0 end,
                case when targets.rating = 'any' then 1 else 0 end
        ) as choice
    from leads
    inner join targets
        on
            targets.lead_source in (lower(leads.lead_source), 'any')
            and targets.rating in (lower(leads.rating), 'any')
),

observed as (
    select
        zoned.*,
        first_touches.touched_at as first_touch_at,
        first_touches.activity_type as first_touch_type,
        first_touches.activity_id as first_touch_activity_id,
        first_touches.user_id as first_touch_user_id,
        first_connects.first_connect_at,
        coalesce(attempts.attempt_count, 0) as attempt_count,
        coalesce(attempts.outreach_count, 0) as outreach_count,
        ranked_targets.business_minutes as target_business_minutes,
        coalesce(first_touches.touched_at, greatest(zoned.observed_until, zoned.created_at))
            as response_until
    from zoned
    left join first_touches
        on zoned.lead_id = first_touches.lead_id
    left join first_connects
        on zoned.lead_id = first_connects.lead_id
    left join attempts
        on zoned.lead_id = attempts.lead_id
    left join ranked_targets
        on
            zoned.lead_id = ranked_targets.lead_id
            and ranked_targets.choice = 1
),

timed as (
    select
        observed.*,
        {{ dbt.datediff(
            'observed.created_at', 'observed.response_until', 'second'
        ) }} as elapsed_seconds,
        {{ business_minutes_between(
            'created_days', 'observed.created_at', 'response_days', 'observed.response_until'
        ) }} as business_minutes
    from observed
    left join business_days as created_days
        on {{ on_business_day(
            'created_days', 'observed.business_region', 'observed.time_zone', 'observed.created_at'
        ) }}
    left join business_days as response_days
        on {{ on_business_day(
            'response_days',
            'observed.business_region',
            'observed.time_zone',
            'observed.response_until'
        ) }}
),

judged as (
    select
        *,
        case
            when is_deleted then 'deleted'
            when duplicate_of_lead_id is not null then 'duplicate'
        end as exclusion_reason,
        first_touch_at is not null as is_contacted,
        cast(elapsed_seconds / 60.0 as decimal(18, 2)) as minutes,
        case
            when first_touch_at is not null then business_minutes <= target_business_minutes
            when is_open and business_minutes <= target_business_minutes then null
            when target_business_minutes is null then null
            else false
        end as is_target_met
    from timed
),

final as (
    select
        lead_id,
        created_at,
        cast(created_at as date) as created_date,
        coalesce(lead_source, 'Unknown') as lead_source,
        channel,
        coalesce(rating, 'Unknown') as rating,
        coalesce(region, 'Unknown') as region,
        owner_user_id,
        current_owner_user_id,
        coalesce(sales_region, 'Unknown') as sales_region,
        business_region,
        lifecycle_stage,
        is_open,
        exclusion_reason,
        duplicate_of_lead_id,
        exclusion_reason is null as is_counted,
        accepted_at,
        is_contacted,
        first_touch_at,
        first_touch_type,
        first_touch_activity_id,
        first_touch_user_id,
        case when is_contacted then minutes end as minutes_to_first_touch,
        case when is_contacted then business_minutes end as business_minutes_to_first_touch,
        business_minutes as observed_business_minutes,
        case
            when not is_contacted and is_open
                then cast(business_minutes / 60.0 as decimal(18, 2))
        end as waiting_business_hours,
        first_connect_at,
        cast(attempt_count as integer) as attempt_count,
        cast(outreach_count as integer) as outreach_count,
        cast(target_business_minutes as integer) as target_business_minutes,
        is_target_met,
        is_converted,
        sold_at as converted_at,
        converted_opportunity_id,
        as_of_date
    from judged
)

select * from final
order by created_date, lead_id
