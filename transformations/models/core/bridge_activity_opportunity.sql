{{
    config(
        materialized='incremental',
        incremental_strategy=incremental_strategy(),
        unique_key='activity_id',
        post_hook="delete from {{ this }} where confidence is null"
    )
}}

{%- set days_after_close = 7 -%}

with

activities as (
    select
        activity_id,
        occurred_at,
        person_contact_id,
        account_id,
        linked_opportunity_id
    from {{ ref('fct_activity') }}
),

opportunities as (
    select
        opportunity_id,
        account_id,
        created_at
    from {{ ref('fct_opportunity') }}
),

spans as (
    select * from {{ ref('fct_opportunity_stage_span') }}
),

contact_roles as (
    select
        opportunity_id,
        contact_id,
        max(case when is_primary then 1 else 0 end) as is_primary
    from {{ ref('int_crm__opportunity_contacts') }}
    where
        not is_deleted
        and contact_id is not null
    group by
        opportunity_id,
        contact_id
),

-- neighbouring open stages make one window; a re-opened deal has several
numbered_spans as (
    select
        *,
        sum(case when is_open_stage then 0 else 1 end) over (
            partition by opportunity_id
            order by span_number
            rows between unbounded preceding and current row
        ) as window_number
    from spans
),

windows as (
    select
        numbered_spans.opportunity_id,
        opportunities.account_id,
        opportunities.created_at,
        min(numbered_spans.entered_at) as opened_at,
        case
            when count(*) = count(numbered_spans.exited_at) then max(numbered_spans.exited_at)
        end as closed_at
    from numbered_spans
    inner join opportunities
        on numbered_spans.opportunity_id = opportunities.opportunity_id
    where numbered_spans.is_open_stage
    group by
        numbered_spans.opportunity_id,
        numbered_spans.window_number,
        opportunities.account_id,
        opportunities.created_at
),

open_windows as (
    select
        *,
        coalesce(closed_at, cast('9999-12-31 00:00:00' as timestamp)) as open_until,
        coalesce(
            cast({{ dbt.dateadd('day', days_after_close, 'closed_at') }} as timestamp),
            cast('9999-12-31 00:00:00' as timestamp)
        ) as matched_until
    from windows
),

linked as (
    select
        activities.activity_id,
        opportunities.opportunity_id,
        'crm_link' as match_rule,
        1.0 as confidence
    from activities
    inner join opportunities
        on activities.linked_opportunity_id = opportunities.opportunity_id
),

not_linked as (
    select activities.*
    from activities
    left join opportunities
        on activities.linked_opportunity_id = opportunities.opportunity_id
    where opportunities.opportunity_id is null
),

-- of several deals that one rule finds, a deal still open at the time comes before one just closed,
-- a primary contact before others, and the deal that was created last before older ones
role_candidates as (
    select
        not_linked.activity_id,
        open_windows.opportunity_id,
        row_number() over (
            partition by not_linked.activity_id
            order by
                case when not_linked.occurred_at < open_windows.open_until then 0 else 1 end,
                contact_roles.is_primary desc,
                open_windows.created_at desc,
                open_windows.opportunity_id desc
        ) as preference
    from not_linked
    inner join contact_roles
        on not_linked.person_contact_id = contact_roles.contact_id
    inner join open_windows
        on
            contact_roles.opportunity_id = open_windows.opportunity_id
            and not_linked.occurred_at >= open_windows.opened_at
            and not_linked.occurred_at < open_windows.matched_until
),

by_role as (
    select
        activity_id,
        opportunity_id,
        'contact_role' as match_rule,
        0.9 as confidence
    from role_candidates
    where preference = 1
),

account_candidates as (
    select
        not_linked.activity_id,
        open_windows.opportunity_id,
        open_windows.created_at,
        case when not_linked.occurred_at < open_windows.open_until then 1 else 0 end as is_open
    from not_linked
    inner join open_windows
        on
            not_linked.account_id = open_windows.account_id
            and not_linked.occurred_at >= open_windows.opened_at
            and not_linked.occurred_at < open_windows.matched_until
    left join by_role
        on not_linked.activity_id = by_role.activity_id
    where by_role.activity_id is null
),

ranked_account_candidates as (
    select
        *,
        row_number() over (
            partition by activity_id
            order by is_open desc, created_at desc, opportunity_id desc
        ) as preference,
        sum(is_open) over (partition by activity_id) as open_count,
        count(*) over (partition by activity_id) as candidate_count
    from account_candidates
),

by_account as (
    select
        activity_id,
        opportunity_id,
        case
            when open_count = 1 or candidate_count = 1 then 'account_single_open'
            else 'account_latest_open'
        end as match_rule,
        case when open_count = 1 or candidate_count = 1 then 0.8 else 0.5 end as confidence
    from ranked_account_candidates
    where preference = 1
),

matched as (
    select * from linked
    union all
    select * from by_role
    union all
    select * from by_account
),

typed as (
    select
        activity_id,
        opportunity_id,
        cast(match_rule as {{ dbt.type_string() }}) as match_rule,
        cast(confidence as decimal(9, 4)) as confidence
    from matched
),

final as (
    select
        typed.activity_id,
        typed.opportunity_id,
        typed.match_rule,
        typed.confidence
    from typed
    {% if is_incremental() -%}
    {{ without_stored('typed', 'activity_id', ['opportunity_id', 'match_rule', 'confidence']) }}
    union all
    -- a match that no longer holds is overwritten without confidence and then removed
    select
        stored.activity_id,
        stored.opportunity_id,
        stored.match_rule,
        cast(null as decimal(9, 4)) as confidence
    from {{ this }} as stored
    left join typed
        on stored.activity_id = typed.activity_id
    where typed.activity_id is null
    {%- endif %}
)

select * from final
