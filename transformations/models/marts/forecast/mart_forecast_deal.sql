with

dates as (
    select * from {{ ref('dim_date') }}
),

daily as (
    select * from {{ ref('fct_opportunity_daily') }}
),

events as (
    select * from {{ ref('fct_opportunity_event') }}
),

fx_rates as (
    select * from {{ ref('fct_fx_rate') }}
),

currencies as (
    select * from {{ ref('dim_currency') }}
),

{{ forecast_snapshots(periods_ahead=2) }},

{{ closed_deals() }},

evenings as (
    select distinct snapshot_date from forecast_snapshots
),

-- open deals, with what their seller expects of them; who leaves a deal out of the forecast does
-- not count on it
open_deals as (
    select
        evenings.snapshot_date,
        daily.opportunity_id,
        daily.owner_user_id,
        daily.stage,
        daily.stage_order,
        case
            when daily.forecast_category = 'closed' then 'commit'
            else coalesce(daily.forecast_category, 'pipeline')
        end as category,
        daily.probability,
        daily.close_date,
        true as is_open,
        daily.currency_code,
        daily.amount_local,
        daily.amount
    from daily
    inner join evenings on daily.date_day = evenings.snapshot_date
    where
        daily.is_open
        and coalesce(daily.forecast_category, 'pipeline') <> 'omitted'
),

booked_deals as (
    select
        evenings.snapshot_date,
        closed_deals.opportunity_id,
        closed_deals.owner_user_id,
        closed_deals.stage,
        closed_deals.stage_order,
        'closed' as category,
        cast(1 as decimal(9, 4)) as probability,
        closed_deals.close_date,
        false as is_open,
        closed_deals.currency_code,
        closed_deals.amount_local,
        closed_deals.amount
    from closed_deals
    inner join evenings
        on
            closed_deals.from_date <= evenings.snapshot_date
            and (
                closed_deals.until_date > evenings.snapshot_date
                or closed_deals.until_date is null
            )
    where closed_deals.is_won
),

deals as (
    select * from open_deals
    union all
    select * from booked_deals
),

due as (
    select
        deals.*,
        dates.fiscal_quarter_start_date as period_start
    from deals
    inner join dates on deals.close_date = dates.date_day
),

final as (
    select
        forecast_snapshots.snapshot_date,
        forecast_snapshots.period_name,
        forecast_snapshots.period_start,
        forecast_snapshots.period_end,
        forecast_snapshots.period_offset,
        forecast_snapshots.days_to_close,
        due.opportunity_id,
        coalesce(due.owner_user_id, 'unassigned') as owner_user_id,
        due.stage,
        due.stage_order,
        due.category,
        due.probability,
        due.close_date,
        due.is_open,
        due.amount,
        {{ converted('due.amount_local', 'currencies.constant_rate') }} as amount_constant,
        {{ as_of_date() }} as as_of_date
    from due
    inner join forecast_snapshots
        on
            due.snapshot_date = forecast_snapshots.snapshot_date
            and due.period_start = forecast_snapshots.period_start
    left join currencies on due.currency_code = currencies.currency_code
)

select * from final
order by snapshot_date, period_start, opportunity_id
