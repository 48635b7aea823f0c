-- One row per opportunity that is open on the day for which the warehouse was built, with the
-- attributes that are set at creation. The amount is for the expected value, not a feature.
select
    opportunity_id,
    as_of_date,
    account_id,
    opportunity_type,
    lead_source,
    currency_code,
    cast(amount as decimal(18, 2)) as score_amount
from core.fct_opportunity
where is_open
order by opportunity_id
