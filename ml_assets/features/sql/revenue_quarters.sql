-- One row per fiscal quarter.
select distinct
    fiscal_quarter_start_date as start_date,
    fiscal_quarter_end_date as end_date
from core.dim_date
order by start_date
