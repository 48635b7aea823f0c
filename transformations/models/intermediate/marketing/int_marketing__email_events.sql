{{ config(
    materialized='incremental',
    incremental_strategy=incremental_strategy(),
    unique_key='email_event_id'
) }}

{#-
    A run adds what is new, and matches again the events of an address of which something new is
    known.
-#}
{%- set loaded_until = watermark('load_id') -%}
{%- set recorded_until = watermark('recorded_at') -%}

with

source_events as (
    {{ union_systems('email_events', object='email_events', columns=[
        'source_system', 'source_id', 'event_type', 'campaign_source_id', 'subject',
        'person_email', 'occurred_at', 'recorded_at', 'load_id'
    ]) }}
),

people as (
    select
        *,
        -- comparisons alone: an `or` in a join makes engines compare every row with every row
        coalesce(valid_to, cast('9999-12-31' as timestamp)) as valid_until
    from {{ ref('int_crm__person_emails') }}
),

{% if loaded_until is not none -%}
{%- set is_new = "(load_id > " ~ loaded_until ~ " or recorded_at > " ~ recorded_until ~ ")" -%}
new_emails as (
    select email from people
    where {{ is_new }}
),

{% endif -%}
visible as (
    select * from source_events
    where recorded_at < {{ as_of_end() }}
),

events as (
    select * from visible
    {%- if loaded_until is not none %}
    where
        {{ is_new }}
        or person_email in (select new_emails.email from new_emails)
    {%- endif %}
),

final as (
    select
        {{ global_id('events.source_system', 'events.source_id') }} as email_event_id,
        events.source_system,
        events.source_id,
        case events.event_type
            when 'UNSUBSCRIBED' then 'unsubscribe'
            when 'SPAMREPORT' then 'spam_report'
            when 'STATUSCHANGE' then 'status_change'
            else lower(events.event_type)
        end as event_type,
        'email' as channel,
        {{ global_id('events.source_system', 'events.campaign_source_id') }} as campaign_id,
        events.subject as campaign_name,
        events.person_email,
        people.contact_id,
        people.lead_id,
        people.account_id,
        events.occurred_at,
        events.recorded_at,
        greatest(events.load_id, coalesce(people.load_id, events.load_id)) as load_id
    from events
    left join people
        on
            events.person_email = people.email
            and events.occurred_at >= people.valid_from
            and events.occurred_at < people.valid_until
)

select * from final
