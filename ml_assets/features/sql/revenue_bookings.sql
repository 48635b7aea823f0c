-- One row per won opportunity, with what was booked (corporate currency at the rate of its close
-- date), as known on the day for which the warehouse was built.
select
    opportunity_id,
    as_of_date,
    coalesce(owner_user_id, 'unassigned') as user_id,
    close_date,
    cast(coalesce(amount, 0) as decimal(18, 2)) as amount
from core.fct_opportunity
where is_won and not is_deleted and close_date is not null
order by opportunity_id
