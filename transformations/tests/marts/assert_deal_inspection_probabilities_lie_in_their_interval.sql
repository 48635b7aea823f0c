select
    opportunity_id,
    win_probability_low,
    win_probability,
    win_probability_high
from {{ ref('mart_deal_inspection') }}
where
    win_probability_low < 0
    or win_probability_low > win_probability
    or win_probability > win_probability_high
    or win_probability_high > 1
