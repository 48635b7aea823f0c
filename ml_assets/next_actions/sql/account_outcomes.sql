-- One row per account that was known at the end of the clock's day.
select
    account_id as entity_id,
    min(coalesce(created_at, valid_from)) as began_at,
    cast(null as timestamp) as ended_at,
    false as is_won
from core.dim_account
where valid_from < $clock_end
group by account_id
order by entity_id
