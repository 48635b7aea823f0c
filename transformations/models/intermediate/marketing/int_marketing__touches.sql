{{ config(
    materialized='incremental',
    incremental_strategy=incremental_strategy(),
    unique_key='touch_id',
    pre_hook="{{ delete_undone(
        'touch_id', ref('int_marketing__salesforce'), id_columns=['touch_type', 'source_id']
    ) }}"
) }}

{#-
    A run adds what is new, and matches again the touches of an address or a contact of which
    something new is known.
-#}
{%- set columns = [
    'source_system', 'source_id', 'touch_type', 'channel', 'campaign_id', 'campaign_name',
    'campaign_type', 'person_email', 'contact_id', 'lead_id', 'utm_source', 'utm_medium',
    'referrer', 'occurred_at', 'recorded_at', 'known_at', 'has_happened', 'load_id'
] -%}
{%- set loaded_until = watermark('load_id') -%}
{%- set recorded_until = watermark('recorded_at') -%}

with

{% for system in var('systems')['marketing'] -%}
{{ system }}_touches as (
    select * from {{ ref('int_marketing__' ~ system) }}
),

{% endfor -%}
people as (
    select
        *,
        -- comparisons alone: an `or` in a join makes engines compare every row with every row
        coalesce(valid_to, cast('9999-12-31' as timestamp)) as valid_until
    from {{ ref('int_crm__person_emails') }}
),

contact_accounts as (
    select * from {{ ref('int_crm__contact_accounts') }}
),

channels as (
    select * from {{ ref('channels') }}
),

{% if loaded_until is not none -%}
{%- set is_new = "(load_id > " ~ loaded_until ~ " or recorded_at > " ~ recorded_until ~ ")" -%}
{%- set is_new_touch = is_new | replace('recorded_at', 'known_at') -%}
new_emails as (
    select email from people
    where {{ is_new }}
),

new_contacts as (
    select contact_id from contact_accounts
    where {{ is_new }}
),

{% endif -%}
all_touches as (
    {%- for system in var('systems')['marketing'] %}
    {{ "union all" if not loop.first }}
    select
        {{ columns | join(',\n        ') }}
    from {{ system }}_touches
    {%- if loaded_until is not none %}
    where {{ is_new_touch }}
    union all
    select
        {{ columns | join(',\n        ') }}
    from {{ system }}_touches
    where
        not {{ is_new_touch }}
        and (
            person_email in (select new_emails.email from new_emails)
            or contact_id in (select new_contacts.contact_id from new_contacts)
        )
    {%- endif %}
    {%- endfor %}
),

-- what the source says itself is not guessed
touches as (
    select
        *,
        case when contact_id is null and lead_id is null then person_email end as unknown_email,
        lower(campaign_type) as campaign_kind,
        {{ dbt.split_part(
            dbt.replace(dbt.replace('referrer', "'https://'", "''"), "'http://'", "''"), "'/'", 1
        ) }} as referrer_host,
        -- what the source says itself is not guessed
        case when contact_id is null and lead_id is null then person_email end as unmatched_email
    from all_touches
    where
        has_happened
        and recorded_at < {{ as_of_end() }}
),

final as (
    select
        {{ global_id('touches.source_system', "touches.touch_type || ':' || touches.source_id") }}
            as touch_id,
        touches.source_system,
        touches.source_id,
        touches.touch_type,
        -- what the source says, else what the link says, else where the visitor came from
        coalesce(
            touches.channel,
            mediums.channel,
            sources.channel,
            referrers.channel,
            case when touches.referrer_host is not null then 'referral' end,
            campaign_types.channel,
            touch_types.channel,
            'other'
        ) as channel,
        touches.campaign_id,
        touches.campaign_name,
        touches.person_email,
        coalesce(touches.contact_id, people.contact_id) as contact_id,
        coalesce(touches.lead_id, people.lead_id) as lead_id,
        coalesce(contact_accounts.account_id, people.account_id) as account_id,
        touches.occurred_at,
        touches.recorded_at,
        greatest(
            touches.load_id,
            coalesce(people.load_id, touches.load_id),
            coalesce(contact_accounts.load_id, touches.load_id)
        ) as load_id
    from touches
    left join people
        on
            touches.unmatched_email = people.email
            and touches.occurred_at >= people.valid_from
            and touches.occurred_at < people.valid_until
    left join contact_accounts
        on touches.contact_id = contact_accounts.contact_id
    left join channels as mediums
        on
            mediums.evidence = 'utm_medium'
            and touches.utm_medium = mediums.value
    left join channels as sources
        on
            sources.evidence = 'utm_source'
            and touches.utm_source = sources.value
    left join channels as referrers
        on
            referrers.evidence = 'referrer'
            and touches.referrer_host like '%' || referrers.value || '.%'
    left join channels as campaign_types
        on
            campaign_types.evidence = 'campaign_type'
            and touches.campaign_kind = campaign_types.value
    left join channels as touch_types
        on
            touch_types.evidence = 'touch_type'
            and touches.touch_type = touch_types.value
)

select * from final
