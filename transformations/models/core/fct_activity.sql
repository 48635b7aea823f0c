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
    'activity_subtype',
    'channel',
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

visible as (
    select
        *,
        cast(occurred_at as date) as occurred_date,
        -- the subject of a thread says little about a message in it
        case when activity_type <> 'email' then lower(subject) end as title
    from {{ ref('int_activity__activities') }}
    where recorded_at < {{ as_of_end() }}
),

channels as (
    select * from {{ ref('channels') }}
),

patterns as (
    select * from {{ ref('activity_subtypes') }}
),

titles as (
    select distinct
        activity_type,
        title
    from visible
    where title is not null
),

-- a few distinct titles are compared with the patterns, not every activity
matched_titles as (
    select
        titles.activity_type,
        titles.title,
        patterns.subtype,
        row_number() over (
            partition by titles.activity_type, titles.title order by patterns.priority
        ) as preference
    from titles
    inner join patterns
        on
            titles.activity_type = coalesce(patterns.activity_type, titles.activity_type)
            and titles.title like patterns.pattern
),

activities as (
    select
        visible.*,
        matched_titles.subtype as activity_subtype,
        coalesce(automated_channels.channel, channels.channel) as channel
    from visible
    left join matched_titles
        on
            visible.activity_type = matched_titles.activity_type
            and visible.title = matched_titles.title
            and matched_titles.preference = 1
    left join channels
        on
            channels.evidence = 'activity_type'
            and visible.activity_type = channels.value
    left join channels as automated_channels
        on
            automated_channels.evidence = 'automated_activity_type'
            and visible.is_automated
            and visible.activity_type = automated_channels.value
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
