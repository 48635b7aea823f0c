-- One row per snapshot: the product lines that had been added by the end of that day. Prices and
-- quantities are left out, because only a line's latest values are kept.
with

snapshots as (
    select * from requested_snapshot
),

lines as (
    select * from core.fct_opportunity_line
)

select
    snapshots.opportunity_id,
    snapshots.as_of_date,
    count(*) as line_count,
    count(distinct lines.product_id) as product_count
from snapshots
inner join lines
    on
        snapshots.opportunity_id = lines.opportunity_id
        and snapshots.as_of_end > lines.created_at
group by snapshots.opportunity_id, snapshots.as_of_date
order by snapshots.opportunity_id, snapshots.as_of_date
