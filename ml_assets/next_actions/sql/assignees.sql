-- One row per user at the end of the clock's day: who manages them.
select
    user_id,
    manager_user_id
from core.dim_user
where valid_from < $clock_end and (valid_to is null or valid_to >= $clock_end)
order by user_id
