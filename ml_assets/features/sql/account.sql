-- One row per snapshot: the account and the owner as their dimension versions of that day say.
-- Before an entity's first version nothing is known about it.
with

snapshots as (
    select * from requested_snapshot
),

-- an open end as a far day: with "or" in its condition a left join would compare every pair of rows
account_versions as (
    select
        *,
        coalesce(cast(valid_to as timestamp), timestamp '9999-12-31') as valid_until
    from core.dim_account
),

user_versions as (
    select
        *,
        coalesce(cast(valid_to as timestamp), timestamp '9999-12-31') as valid_until
    from core.dim_user
),

with_account as (
    select
        snapshots.opportunity_id,
        snapshots.as_of_date,
        snapshots.as_of_end,
        snapshots.owner_user_id,
        account_versions.segment,
        account_versions.region,
        account_versions.industry,
        account_versions.country,
        account_versions.employee_count,
        row_number() over (
            partition by snapshots.opportunity_id, snapshots.as_of_date
            order by account_versions.valid_from desc
        ) as recency
    from snapshots
    left join account_versions
        on
            snapshots.account_id = account_versions.account_id
            and snapshots.as_of_end > account_versions.valid_from
            and snapshots.as_of_end <= account_versions.valid_until
),

with_owner as (
    select
        with_account.*,
        user_versions.role as owner_role,
        user_versions.team as owner_team,
        user_versions.region as owner_region,
        date_diff('day', user_versions.hired_on, with_account.as_of_date) as owner_tenure_days,
        row_number() over (
            partition by with_account.opportunity_id, with_account.as_of_date
            order by user_versions.valid_from desc
        ) as owner_recency
    from with_account
    left join user_versions
        on
            with_account.owner_user_id = user_versions.user_id
            and with_account.as_of_end > user_versions.valid_from
            and with_account.as_of_end <= user_versions.valid_until
    where with_account.recency = 1
)

select
    opportunity_id,
    as_of_date,
    segment,
    region,
    industry,
    country,
    cast(employee_count as double) as employee_count,
    owner_role,
    owner_team,
    case when owner_tenure_days >= 0 then owner_tenure_days end as owner_tenure_days,
    owner_region = region as is_owner_in_region
from with_owner
where owner_recency = 1
order by opportunity_id, as_of_date
