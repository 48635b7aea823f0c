-- One row per account and day asked for: what its dimension version of that day says. Before an
-- account's first version nothing is known about it.
with

snapshots as (
    select * from requested_account
),

-- an open end as a far day: with "or" in its condition a left join would compare every pair of rows
versions as (
    select
        *,
        coalesce(cast(valid_to as timestamp), timestamp '9999-12-31') as valid_until
    from core.dim_account
),

matched as (
    select
        snapshots.account_id,
        snapshots.as_of_date,
        versions.segment,
        versions.region,
        versions.industry,
        versions.employee_count,
        versions.is_deleted,
        versions.merged_into_account_id,
        row_number() over (
            partition by snapshots.account_id, snapshots.as_of_date
            order by versions.valid_from desc
        ) as recency
    from snapshots
    left join versions
        on
            snapshots.account_id = versions.account_id
            and snapshots.as_of_end > versions.valid_from
            and snapshots.as_of_end <= versions.valid_until
)

select
    account_id,
    as_of_date,
    segment,
    region,
    industry,
    cast(employee_count as double) as employee_count,
    coalesce(is_deleted, false) or merged_into_account_id is not null as is_gone
from matched
where recency = 1
order by account_id, as_of_date
