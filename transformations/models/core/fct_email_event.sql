{{
    config(
        materialized='incremental',
        incremental_strategy=incremental_strategy(),
        unique_key='email_event_id',
        pre_hook="{{ delete_vanished('email_event_id', ref('int_marketing__email_events')) }}"
    )
}}

{%- set columns = [
    'email_event_id',
    'source_system',
    'source_id',
    'event_type',
    'channel',
    'campaign_id',
    'campaign_name',
    'person_email',
    'contact_id',
    'lead_id',
    'account_id',
    'occurred_at',
    'occurred_date',
    'recorded_at',
    'load_id'
] -%}

with

events as (
    select
        *,
        cast(occurred_at as date) as occurred_date
    from {{ ref('int_marketing__email_events') }}
    where recorded_at < {{ as_of_end() }}
),

final as (
    select
        events.{{ columns | join(',\n        events.') }}
    from events
    {% if is_incremental() -%}
    {{ without_stored('events', 'email_event_id', columns) }}
    {%- endif %}
)

select * from final
