-- One row per snapshot: what was known by the end of that day about the company that the lead names:
-- accounts of that name or of the domain of the lead's address, and their deals. Without an account
-- the row says so.
with

snapshots as (
    select
        *,
        split_part(email, '@', 2) as domain
    from requested_snapshot
),

account_versions as (
    select
        account_id,
        lower(trim(name)) as name,
        regexp_replace(lower(website), '^(https?://)?(www\.)?([^/]*).*$', '\3') as domain,
        segment,
        valid_from,
        coalesce(cast(valid_to as timestamp), timestamp '9999-12-31') as valid_until
    from core.dim_account
    where
        not is_inferred
        and not is_deleted
),

matches as (
    select
        snapshots.lead_id,
        snapshots.as_of_date,
        snapshots.as_of_end,
        account_versions.account_id,
        account_versions.segment
    from snapshots
    inner join account_versions
        on
            snapshots.company = account_versions.name
            and snapshots.as_of_end > account_versions.valid_from
            and snapshots.as_of_end <= account_versions.valid_until
    union
    select
        snapshots.lead_id,
        snapshots.as_of_date,
        snapshots.as_of_end,
        account_versions.account_id,
        account_versions.segment
    from snapshots
    inner join account_versions
        on
            nullif(snapshots.domain, '') = account_versions.domain
            and snapshots.as_of_end > account_versions.valid_from
            and snapshots.as_of_end <= account_versions.valid_until
),

moves as (
    select
        opportunities.account_id,
        events.opportunity_id,
        events.new_value as stage,
        greatest(events.changed_at, events.recorded_at) as known_at,
        row_number() over (
            partition by events.opportunity_id
            order by events.changed_at, events.recorded_at, events.change_id
        ) as move_number
    from core.fct_opportunity_event as events
    inner join core.fct_opportunity as opportunities
        on events.opportunity_id = opportunities.opportunity_id
    where events.field = 'stage'
),

account_moves as (
    select
        matches.lead_id,
        matches.as_of_date,
        moves.opportunity_id,
        moves.stage,
        row_number() over (
            partition by matches.lead_id, matches.as_of_date, moves.opportunity_id
            order by moves.move_number desc
        ) as recency
    from matches
    inner join moves
        on
            matches.account_id = moves.account_id
            and matches.as_of_end > moves.known_at
),

deals as (
    select
        lead_id,
        as_of_date,
        count(*) as account_deal_count,
        count(*) filter (where stage = 'Closed Won') as account_won_count,
        count(*) filter (where stage = 'Closed Lost') as account_lost_count,
        count(*) filter (where stage not in ('Closed Won', 'Closed Lost')) as account_open_count
    from account_moves
    where recency = 1
    group by lead_id, as_of_date
),

accounts as (
    select
        lead_id,
        as_of_date,
        count(distinct account_id) as account_count,
        min(segment) as account_segment
    from matches
    group by lead_id, as_of_date
)

select
    snapshots.lead_id,
    snapshots.as_of_date,
    coalesce(accounts.account_count, 0) > 0 as has_account,
    accounts.account_segment,
    coalesce(deals.account_deal_count, 0) as account_deal_count,
    coalesce(deals.account_won_count, 0) as account_won_count,
    coalesce(deals.account_lost_count, 0) as account_lost_count,
    coalesce(deals.account_open_count, 0) as account_open_count
from snapshots
left join accounts
    on
        snapshots.lead_id = accounts.lead_id
        and snapshots.as_of_date = accounts.as_of_date
left join deals
    on
        snapshots.lead_id = deals.lead_id
        and snapshots.as_of_date = deals.as_of_date
order by snapshots.lead_id, snapshots.as_of_date
