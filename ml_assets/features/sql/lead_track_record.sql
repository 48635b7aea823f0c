-- One row per snapshot: what had become of earlier leads, as known before the end of that day, for
-- the lead's owner, its company and all: leads that had arrived, and those decided (converted or
-- disqualified, each at the first time), of which converted. A lead counts for the one who had it at
-- first. An address that an earlier lead had makes the lead a duplicate.
with

snapshots as (
    select * from requested_snapshot
),

first_versions as (
    select *
    from (
        select
            *,
            row_number() over (
                partition by lead_id
                order by valid_from
            ) as version_number
        from core.dim_lead
        where not is_inferred
    ) as numbered
    where version_number = 1
),

firsts as (
    select
        lead_id,
        case when stage in ('SQL', 'Opportunity', 'Customer') then 'converted' else stage end
            as step,
        min(greatest(entered_at, recorded_at)) as known_at
    from core.fct_lifecycle_event
    where
        lead_id is not null
        and (event_number = 1 or stage in ('SQL', 'Opportunity', 'Customer', 'Disqualified'))
    group by lead_id, 2
),

lives as (
    select
        lead_id,
        min(known_at) as arrived_at,
        min(case when step = 'converted' then known_at end) as converted_at,
        min(case when step = 'Disqualified' then known_at end) as disqualified_at
    from firsts
    group by lead_id
),

happenings as (
    select
        lead_id,
        arrived_at as known_at,
        1 as arrived,
        0 as decided,
        0 as converted
    from lives
    union all
    select
        lead_id,
        converted_at as known_at,
        0 as arrived,
        1 as decided,
        1 as converted
    from lives
    where converted_at is not null
    union all
    select
        lead_id,
        disqualified_at as known_at,
        0 as arrived,
        1 as decided,
        0 as converted
    from lives
    where
        disqualified_at is not null
        and (converted_at is null or disqualified_at < converted_at)
),

party_happenings as (
    select
        'owner' as party,
        first_versions.owner_user_id as party_id,
        happenings.*
    from happenings
    inner join first_versions on happenings.lead_id = first_versions.lead_id
    union all
    select
        'company' as party,
        nullif(lower(trim(first_versions.company)), '') as party_id,
        happenings.*
    from happenings
    inner join first_versions on happenings.lead_id = first_versions.lead_id
    union all
    select
        'email' as party,
        first_versions.email as party_id,
        happenings.*
    from happenings
    inner join first_versions on happenings.lead_id = first_versions.lead_id
    where happenings.arrived = 1
    union all
    select
        'everyone' as party,
        'everyone' as party_id,
        happenings.*
    from happenings
),

parties as (
    select
        lead_id,
        as_of_date,
        as_of_end as moment,
        'owner' as party,
        owner_user_id as party_id
    from snapshots
    union all
    select
        lead_id,
        as_of_date,
        as_of_end as moment,
        'company' as party,
        nullif(company, '') as party_id
    from snapshots
    union all
    -- who has the address first is no duplicate: only what arrived before it counts
    select
        lead_id,
        as_of_date,
        arrived_at as moment,
        'email' as party,
        email as party_id
    from snapshots
    union all
    select
        lead_id,
        as_of_date,
        as_of_end as moment,
        'everyone' as party,
        'everyone' as party_id
    from snapshots
),

-- happenings and snapshots in one row of time: a running sum costs one sort, where a join would pair
-- every snapshot with everything before it
timeline as (
    select
        party,
        party_id,
        known_at as moment,
        true as is_happening,
        arrived,
        decided,
        converted,
        cast(null as varchar) as lead_id,
        cast(null as date) as as_of_date
    from party_happenings
    where party_id is not null
    union all
    select
        party,
        party_id,
        moment,
        false as is_happening,
        0 as arrived,
        0 as decided,
        0 as converted,
        lead_id,
        as_of_date
    from parties
    where party_id is not null
),

known as (
    select
        party,
        lead_id,
        as_of_date,
        is_happening,
        sum(arrived) over earlier as arrived_count,
        sum(decided) over earlier as decided_count,
        sum(converted) over earlier as converted_count
    from timeline
    window earlier as (
        partition by party, party_id
        order by moment, is_happening
        rows between unbounded preceding and current row
    )
)

select
    snapshots.lead_id,
    snapshots.as_of_date,
    cast(coalesce(max(case when party = 'owner' then arrived_count end), 0) as bigint)
        as owner_lead_count,
    cast(coalesce(max(case when party = 'owner' then decided_count end), 0) as bigint)
        as owner_decided_count,
    cast(coalesce(max(case when party = 'owner' then converted_count end), 0) as bigint)
        as owner_converted_count,
    cast(coalesce(max(case when party = 'company' then arrived_count end), 0) as bigint)
        as company_lead_count,
    cast(coalesce(max(case when party = 'company' then converted_count end), 0) as bigint)
        as company_converted_count,
    cast(coalesce(max(case when party = 'everyone' then decided_count end), 0) as bigint)
        as all_decided_count,
    cast(coalesce(max(case when party = 'everyone' then converted_count end), 0) as bigint)
        as all_converted_count,
    coalesce(max(case when party = 'email' then arrived_count end), 0) > 0 as is_duplicate
from snapshots
left join known
    on
        snapshots.lead_id = known.lead_id
        and snapshots.as_of_date = known.as_of_date
        and not known.is_happening
group by snapshots.lead_id, snapshots.as_of_date
order by snapshots.lead_id, snapshots.as_of_date
