{#-
    The evenings on which forecasts are looked at, and the fiscal quarters that are looked at then:
    the running one (period_offset 0) and those after it, as CTEs that end in `forecast_snapshots`
    (one row per snapshot_date and period). Evenings are Mondays, when calls are made, the last day
    of each quarter and the as-of date. They begin with the first deal that closed, because of what
    closed before an export begins nothing is known, and where none has closed with the first deal.

    The model provides the CTEs `dates` (dim_date) and `daily` (fct_opportunity_daily).

    periods_ahead   how many quarters after the running one
-#}
{% macro forecast_snapshots(periods_ahead) -%}
    quarters as (
        select
            fiscal_quarter_name as period_name,
            fiscal_quarter_start_date as period_start,
            fiscal_quarter_end_date as period_end,
            row_number() over (order by fiscal_quarter_start_date) as period_number
        from dates
        group by
            fiscal_quarter_name,
            fiscal_quarter_start_date,
            fiscal_quarter_end_date
    ),

    first_deal as (
        select coalesce(min(case when not is_open then date_day end), min(date_day)) as first_day
        from daily
    ),

    snapshot_days as (
        select
            dates.date_day as snapshot_date,
            quarters.period_number as running_number
        from dates
        cross join first_deal
        inner join quarters on dates.fiscal_quarter_start_date = quarters.period_start
        where
            dates.date_day >= first_deal.first_day
            and dates.date_day <= {{ as_of_date() }}
            and (
                dates.iso_day_of_week = 1
                or dates.date_day = dates.fiscal_quarter_end_date
                or dates.date_day = {{ as_of_date() }}
            )
    ),

    forecast_snapshots as (
        select
            snapshot_days.snapshot_date,
            quarters.period_name,
            quarters.period_start,
            quarters.period_end,
            cast(quarters.period_number - snapshot_days.running_number as integer)
                as period_offset,
            cast(
                {{ dbt.datediff('snapshot_days.snapshot_date', 'quarters.period_end', 'day') }}
                as integer
            ) as days_to_close
        from snapshot_days
        inner join quarters
            on
                quarters.period_number
                between snapshot_days.running_number
                and snapshot_days.running_number + {{ periods_ahead }}
    )
{%- endmacro %}
