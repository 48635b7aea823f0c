{{
    config(
        materialized='incremental',
        incremental_strategy=incremental_strategy(),
        unique_key='touch_id',
        pre_hook="{{ delete_vanished('touch_id', ref('int_marketing__touches')) }}"
    )
}}

{%- set columns = [
    'touch_id',
    'source_system',
    'source_id',
    'touch_type',
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

touches as (
    select
        *,
        cast(occurred_at as date) as occurred_date
    from {{ ref('int_marketing__touches') }}
    where recorded_at < {{ as_of_end() }}
),

final as (
    select
        touches.{{ columns | join(',\n        touches.') }}
    from touches
    {% if is_incremental() -%}
    {{ without_stored('touches', 'touch_id', columns) }}
    {%- endif %}
)

select * from final
