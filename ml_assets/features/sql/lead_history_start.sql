-- One row: the first day on which any lead is known to have changed. What was before it, the sources
-- tell as it was on the day of their first export, and not as it was known then.
select cast(min(later.valid_from) as date) as history_start
from (
    select
        valid_from,
        row_number() over (
            partition by lead_id
            order by valid_from
        ) as version_number
    from core.dim_lead
    where
        not is_inferred
        and valid_from < $clock_end
) as later
where later.version_number > 1
