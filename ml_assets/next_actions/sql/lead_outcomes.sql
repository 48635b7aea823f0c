-- One row per lead that was known at the end of the clock's day: when it was created and converted,
-- and the deal that it became.
with

versions as (
    select
        lead_id,
        created_at,
        converted_at,
        converted_opportunity_id,
        is_deleted,
        row_number() over (
            partition by lead_id
            order by valid_from desc
        ) as recency
    from core.dim_lead
    where valid_from < $clock_end and created_at is not null
)

select
    lead_id as entity_id,
    created_at as began_at,
    case when converted_at < $clock_end then converted_at end as ended_at,
    converted_at < $clock_end as is_won,
    case when converted_at < $clock_end then converted_opportunity_id end as opportunity_id
from versions
where recency = 1 and not coalesce(is_deleted, false)
order by entity_id
