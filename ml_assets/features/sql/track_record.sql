-- One row per snapshot: what had closed, and was known to have closed, before the end of that day,
-- for the opportunity's owner, its account and the whole company. Every closing counts when it
-- happens: a deal that is lost, re-opened and won is one loss, later also one win.
with

snapshots as (
    select * from requested_snapshot
),

events as (
    select * from core.fct_opportunity_event
),

opportunities as (
    select
        opportunity_id,
        account_id
    from core.fct_opportunity
),

closings as (
    select
        opportunity_id,
        change_id,
        changed_at,
        greatest(changed_at, recorded_at) as known_at,
        case when new_value = 'Closed Won' then 1 else 0 end as is_won
    from events
    where
        field = 'stage'
        and new_value in ('Closed Won', 'Closed Lost')
        and old_value is distinct from new_value
),

owners as (
    select
        closings.change_id,
        events.new_value as owner_user_id,
        row_number() over (
            partition by closings.change_id
            order by events.changed_at desc, events.recorded_at desc, events.change_id desc
        ) as recency
    from closings
    inner join events
        on
            closings.opportunity_id = events.opportunity_id
            and events.field = 'owner_user_id'
            and closings.changed_at >= events.changed_at
            and closings.known_at >= events.recorded_at
),

attributed as (
    select
        closings.known_at,
        closings.is_won,
        owners.owner_user_id,
        opportunities.account_id
    from closings
    left join owners on closings.change_id = owners.change_id and owners.recency = 1
    left join opportunities on closings.opportunity_id = opportunities.opportunity_id
),

party_closings as (
    select
        'owner' as party,
        owner_user_id as party_id,
        known_at,
        is_won
    from attributed
    where owner_user_id is not null
    union all
    select
        'account' as party,
        account_id as party_id,
        known_at,
        is_won
    from attributed
    where account_id is not null
    union all
    select
        'company' as party,
        'company' as party_id,
        known_at,
        is_won
    from attributed
),

parties as (
    select
        opportunity_id,
        as_of_date,
        as_of_end,
        'owner' as party,
        owner_user_id as party_id
    from snapshots
    union all
    select
        opportunity_id,
        as_of_date,
        as_of_end,
        'account' as party,
        account_id as party_id
    from snapshots
    union all
    select
        opportunity_id,
        as_of_date,
        as_of_end,
        'company' as party,
        'company' as party_id
    from snapshots
),

-- closings and snapshots of a party in one row of time: a running sum then costs one sort, where a
-- join would pair every snapshot with every closing before it
timeline as (
    select
        party,
        party_id,
        known_at as moment,
        true as is_closing,
        is_won,
        cast(null as varchar) as opportunity_id,
        cast(null as date) as as_of_date
    from party_closings
    union all
    select
        party,
        party_id,
        as_of_end as moment,
        false as is_closing,
        0 as is_won,
        opportunity_id,
        as_of_date
    from parties
),

known as (
    select
        party,
        opportunity_id,
        as_of_date,
        is_closing,
        sum(case when is_closing then 1 else 0 end) over earlier as closed_count,
        sum(is_won) over earlier as won_count
    from timeline
    where party_id is not null
    window earlier as (
        partition by party, party_id
        order by moment, is_closing
        rows between unbounded preceding and current row
    )
)

select
    opportunity_id,
    as_of_date,
    cast(coalesce(max(case when party = 'owner' then closed_count end), 0) as bigint)
        as owner_closed_count,
    cast(coalesce(max(case when party = 'owner' then won_count end), 0) as bigint)
        as owner_won_count,
    cast(coalesce(max(case when party = 'account' then closed_count end), 0) as bigint)
        as account_closed_count,
    cast(coalesce(max(case when party = 'account' then won_count end), 0) as bigint)
        as account_won_count,
    cast(coalesce(max(case when party = 'company' then closed_count end), 0) as bigint)
        as company_closed_count,
    cast(coalesce(max(case when party = 'company' then won_count end), 0) as bigint)
        as company_won_count
from known
where not is_closing
group by opportunity_id, as_of_date
order by opportunity_id, as_of_date
