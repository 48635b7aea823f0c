{{
    config(
        materialized='incremental',
        incremental_strategy=incremental_strategy(),
        unique_key='activity_id',
        pre_hook="{{ delete_vanished('activity_id', ref('int_activity__activities')) }}"
    )
}}

{%- set columns = [
    'activity_id',
    'source_system',
    'source_id',
    'activity_type',
    'direction',
    'subject',
    'occurred_at',
    'occurred_date',
    'recorded_at',
    'user_id',
    'person_contact_id',
    'person_lead_id',
    'account_id',
    'linked_opportunity_id',
    'duration_seconds',
    'outcome',
    'is_automated',
    'talk_ratio',
    'sentiment',
    'thread_id',
    'load_id'
] -%}

with

activities as (
    select
        *,
        cast(occurred_at as date) as occurred_date
    from {{ ref('int_activity__activities') }}
    where recorded_at < {{ as_of_end() }}
),

final as (
    select
        activities.{{ columns | join(',\n        activities.') }}
    from activities
    {% if is_incremental() -%}
    {{ without_stored('activities', 'activity_id', columns) }}
    {%- endif %}
)

select * from final
