-- One row per currency and first day of a rate.
select
    currency_code,
    valid_from,
    cast(rate_to_corporate as double) as rate
from core.fct_fx_rate
order by currency_code, valid_from
