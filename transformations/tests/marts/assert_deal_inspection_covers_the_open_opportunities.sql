with

open_deals as (
    select * from {{ ref('fct_opportunity') }}
    where is_open
),

inspected as (
    select * from {{ ref('mart_deal_inspection') }}
)

select
    open_deals.opportunity_id as open_opportunity_id,
    inspected.opportunity_id as inspected_opportunity_id,
    open_deals.amount as open_amount,
    inspected.amount as inspected_amount
from open_deals
full outer join inspected on open_deals.opportunity_id = inspected.opportunity_id
where
    open_deals.opportunity_id is null
    or inspected.opportunity_id is null
    or coalesce(open_deals.amount, -1) <> coalesce(inspected.amount, -1)
