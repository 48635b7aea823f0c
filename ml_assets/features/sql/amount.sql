-- One row per snapshot: the amount in corporate currency at that day's rate, and the median first
-- amount of the segment's opportunities that were known when the month of that day began.
with

snapshots as (
    select * from requested_snapshot
),

events as (
    select * from core.fct_opportunity_event
),

opportunities as (
    select
        opportunity_id,
        account_id,
        currency_code
    from core.fct_opportunity
),

-- an open end as a far day: with "or" in its condition a left join would compare every pair of rows
account_versions as (
    select
        account_id,
        segment,
        valid_from,
        coalesce(cast(valid_to as timestamp), timestamp '9999-12-31') as valid_until
    from core.dim_account
),

rates as (
    select
        currency_code,
        valid_from,
        coalesce(valid_to, date '9999-12-31') as valid_until,
        cast(rate_to_corporate as double) as rate_to_corporate
    from core.fct_fx_rate
),

first_amounts as (
    select
        events.opportunity_id,
        greatest(events.changed_at, events.recorded_at) as known_at,
        cast(events.changed_at as date) as known_day,
        try_cast(events.new_value as double) as amount_local,
        row_number() over (
            partition by events.opportunity_id
            order by events.changed_at, events.recorded_at, events.change_id
        ) as occurrence
    from events
    where events.field = 'amount_local' and try_cast(events.new_value as double) > 0
),

first_amounts_in_corporate_currency as (
    select
        first_amounts.known_at,
        account_versions.segment,
        first_amounts.amount_local * rates.rate_to_corporate as amount
    from first_amounts
    inner join opportunities on first_amounts.opportunity_id = opportunities.opportunity_id
    inner join rates
        on
            opportunities.currency_code = rates.currency_code
            and first_amounts.known_day >= rates.valid_from
            and first_amounts.known_day < rates.valid_until
    left join account_versions
        on
            opportunities.account_id = account_versions.account_id
            and first_amounts.known_at >= account_versions.valid_from
            and first_amounts.known_at < account_versions.valid_until
    where first_amounts.occurrence = 1
),

months as (
    select distinct date_trunc('month', as_of_date) as month_start
    from snapshots
),

benchmarks as (
    select
        months.month_start,
        first_amounts_in_corporate_currency.segment,
        median(first_amounts_in_corporate_currency.amount) as segment_median_amount
    from months
    inner join first_amounts_in_corporate_currency
        on months.month_start > first_amounts_in_corporate_currency.known_at
    group by months.month_start, first_amounts_in_corporate_currency.segment
)

select
    snapshots.opportunity_id,
    snapshots.as_of_date,
    snapshots.amount_local * rates.rate_to_corporate as amount,
    benchmarks.segment_median_amount
from snapshots
left join rates
    on
        snapshots.currency_code = rates.currency_code
        and snapshots.as_of_date >= rates.valid_from
        and snapshots.as_of_date < rates.valid_until
left join benchmarks
    on
        date_trunc('month', snapshots.as_of_date) = benchmarks.month_start
        and snapshots.segment is not distinct from benchmarks.segment
order by snapshots.opportunity_id, snapshots.as_of_date
