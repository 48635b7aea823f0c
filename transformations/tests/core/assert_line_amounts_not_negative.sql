-- A line adds to what a deal is worth; what is taken off is in the discount.
select
    line_id,
    opportunity_id,
    quantity,
    amount_local
from {{ ref('fct_opportunity_line') }}
where
    amount_local < 0
    or quantity < 0
