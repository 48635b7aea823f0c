{{ config(
    materialized='incremental',
    incremental_strategy=incremental_strategy(),
    unique_key='activity_id',
    pre_hook="{{ delete_undone('activity_id', ref('int_activity__salesforce')) }}"
) }}

{#-
    A run adds what is new, and matches again what says an address or an account of which something
    new is known (a person entered late, a merge).
-#}
{%- set columns = [
    'source_system', 'source_id', 'activity_type', 'direction', 'subject', 'occurred_at',
    'recorded_at', 'user_id', 'user_email', 'contact_id', 'lead_id', 'person_email', 'account_id',
    'opportunity_id', 'duration_seconds', 'outcome', 'is_automated', 'talk_ratio', 'sentiment',
    'thread_id', 'has_happened', 'load_id'
] -%}
{%- set loaded_until = watermark('load_id') -%}
{%- set recorded_until = watermark('recorded_at') -%}

with

{% for system in var('systems')['activity'] -%}
{{ system }}_activities as (
    select * from {{ ref('int_activity__' ~ system) }}
),

{% endfor -%}
people as (
    select
        *,
        -- comparisons alone: an `or` in a join makes engines compare every row with every row
        coalesce(valid_to, cast('9999-12-31' as timestamp)) as valid_until
    from {{ ref('int_crm__person_emails') }}
),

users as (
    select * from {{ ref('int_crm__user_emails') }}
),

contact_accounts as (
    select * from {{ ref('int_crm__contact_accounts') }}
),

survivors as (
    select * from {{ ref('int_crm__account_survivors') }}
),

{% if loaded_until is not none -%}
{%- set is_new = "(load_id > " ~ loaded_until ~ " or recorded_at > " ~ recorded_until ~ ")" -%}
new_emails as (
    select email from people
    where {{ is_new }}
    union
    select email from users
    where {{ is_new }}
),

new_contacts as (
    select contact_id from contact_accounts
    where {{ is_new }}
),

new_merges as (
    select account_id from survivors
    where {{ is_new }}
),

{% endif -%}
all_activities as (
    {%- for system in var('systems')['activity'] %}
    {{ "union all" if not loop.first }}
    select
        {{ columns | join(',\n        ') }}
    from {{ system }}_activities
    {%- if loaded_until is not none %}
    where {{ is_new }}
    union all
    select
        {{ columns | join(',\n        ') }}
    from {{ system }}_activities
    where
        not {{ is_new }}
        and (
            person_email in (select new_emails.email from new_emails)
            or user_email in (select new_emails.email from new_emails)
            or contact_id in (select new_contacts.contact_id from new_contacts)
            or account_id in (select new_merges.account_id from new_merges)
        )
    {%- endif %}
    {%- endfor %}
),

activities as (
    select
        *,
        -- what the source says itself is not guessed
        case when contact_id is null and lead_id is null then person_email end as unmatched_email
    from all_activities
    where
        has_happened
        and recorded_at < {{ as_of_end() }}
),

final as (
    select
        {{ global_id('activities.source_system', 'activities.source_id') }} as activity_id,
        activities.source_system,
        activities.source_id,
        activities.activity_type,
        case
            when colleagues.email is not null then 'internal'
            else activities.direction
        end as direction,
        activities.subject,
        activities.occurred_at,
        activities.recorded_at,
        coalesce(activities.user_id, users.user_id) as user_id,
        coalesce(activities.contact_id, people.contact_id) as person_contact_id,
        coalesce(activities.lead_id, people.lead_id) as person_lead_id,
        coalesce(
            survivors.surviving_account_id,
            activities.account_id,
            people.account_id,
            contact_accounts.account_id
        ) as account_id,
        activities.opportunity_id as linked_opportunity_id,
        activities.duration_seconds,
        activities.outcome,
        activities.is_automated,
        activities.talk_ratio,
        activities.sentiment,
        activities.thread_id,
        greatest(
            activities.load_id,
            coalesce(people.load_id, activities.load_id),
            coalesce(users.load_id, activities.load_id),
            coalesce(contact_accounts.load_id, activities.load_id),
            coalesce(survivors.load_id, activities.load_id)
        ) as load_id
    from activities
    left join users
        on activities.user_email = users.email
    left join users as colleagues
        on activities.person_email = colleagues.email
    left join people
        on
            activities.unmatched_email = people.email
            and activities.occurred_at >= people.valid_from
            and activities.occurred_at < people.valid_until
    left join contact_accounts
        on activities.contact_id = contact_accounts.contact_id
    left join survivors
        on activities.account_id = survivors.account_id
)

select * from final
