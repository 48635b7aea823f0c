with

reporting_periods as (
    select * from {{ ref('mart_reporting_period') }}
),

kpi_days as (
    select * from {{ ref('mart_exec_kpi_daily') }}
),

period_kpis as (
    select * from {{ ref('mart_exec_kpi_period') }}
),

metrics as (
    select * from {{ ref('dim_metric') }}
    where is_current and mart = 'mart_exec_kpi'
),

windows as (
    {{ reporting_windows('reporting_periods') }}
),

kpi_figures as (
    select
        windows.comparison,
        windows.period_type,
        windows.period_start,
        kpi_days.segment_type,
        kpi_days.segment,
        kpi_days.kpi,
        kpi_days.numerator,
        kpi_days.denominator
    from kpi_days
    inner join metrics on kpi_days.kpi = metrics.metric
    inner join windows
        on
            kpi_days.date_day between windows.from_day and windows.to_day
            and (metrics.aggregation <> 'point_in_time' or kpi_days.date_day = windows.to_day)
),

figures as (
    select
        comparison,
        period_type,
        period_start,
        segment_type,
        segment,
        kpi,
        cast(sum(numerator) as decimal(18, 2)) as numerator,
        cast(sum(denominator) as decimal(18, 2)) as denominator
    from (
        select * from kpi_figures
        union all
        select
            comparison,
            period_type,
            period_start,
            segment_type,
            segment,
            kpi,
            numerator,
            denominator
        from period_kpis
    ) as contributions
    group by comparison, period_type, period_start, segment_type, segment, kpi
),

-- Every period shows every KPI of a segment, also where nothing happened.
segments as (
    select distinct
        figures.segment_type,
        figures.segment,
        metrics.subject
    from figures
    inner join metrics on figures.kpi = metrics.metric
),

grid as (
    select
        windows.comparison,
        windows.period_type,
        windows.period_start,
        segments.segment_type,
        segments.segment,
        metrics.metric as kpi,
        metrics.unit,
        metrics.aggregation in ('ratio', 'span_ratio') as is_ratio
    from windows
    cross join segments
    inner join metrics on segments.subject = metrics.subject
    where windows.comparison = 'period' or metrics.subject <> 'quota'
),

counted as (
    select
        grid.*,
        coalesce(figures.numerator, 0) as numerator,
        case when grid.is_ratio then coalesce(figures.denominator, 0) end as denominator
    from grid
    left join figures
        on
            grid.comparison = figures.comparison
            and grid.period_type = figures.period_type
            and grid.period_start = figures.period_start
            and grid.segment_type = figures.segment_type
            and grid.segment = figures.segment
            and grid.kpi = figures.kpi
),

-- `exact` keeps the digits of a ratio that rounding takes away, for the rates of change.
valued as (
    select
        *,
        case
            when is_ratio
                then cast(numerator as double) / nullif(cast(denominator as double), 0)
            else cast(numerator as double)
        end as exact,
        case
            when is_ratio
                then
                    cast(
                        cast(numerator as double) / nullif(cast(denominator as double), 0)
                        as decimal(28, 6)
                    )
            else cast(numerator as decimal(28, 6))
        end as value
    from counted
),

period_values as (
    select * from valued
    where comparison = 'period'
),

compared as (
    select
        reporting_periods.period_type,
        reporting_periods.period_name,
        reporting_periods.period_start,
        reporting_periods.period_end,
        reporting_periods.is_complete_period,
        period_values.segment_type,
        period_values.segment,
        period_values.kpi,
        period_values.unit,
        period_values.numerator,
        period_values.denominator,
        period_values.value,
        period_values.exact,
        prior_period.value as prior_period_value,
        prior_year.value as prior_year_value,
        {%- for column in ['value', 'exact'] %}
        case
            when reporting_periods.is_complete_period then prior_period.{{ column }}
            else prior_period_to_date.{{ column }}
        end as prior_period_to_date_{{ column }},
        case
            when reporting_periods.is_complete_period then prior_year.{{ column }}
            else prior_year_to_date.{{ column }}
        end as prior_year_to_date_{{ column }},
        {%- endfor %}
        reporting_periods.as_of_date
    from period_values
    inner join reporting_periods
        on
            period_values.period_type = reporting_periods.period_type
            and period_values.period_start = reporting_periods.period_start
    left join period_values as prior_period
        on
            reporting_periods.period_type = prior_period.period_type
            and reporting_periods.prior_period_start = prior_period.period_start
            and period_values.segment_type = prior_period.segment_type
            and period_values.segment = prior_period.segment
            and period_values.kpi = prior_period.kpi
    left join period_values as prior_year
        on
            reporting_periods.period_type = prior_year.period_type
            and reporting_periods.prior_year_start = prior_year.period_start
            and period_values.segment_type = prior_year.segment_type
            and period_values.segment = prior_year.segment
            and period_values.kpi = prior_year.kpi
    left join valued as prior_period_to_date
        on
            prior_period_to_date.comparison = 'prior_period_to_date'
            and period_values.period_type = prior_period_to_date.period_type
            and period_values.period_start = prior_period_to_date.period_start
            and period_values.segment_type = prior_period_to_date.segment_type
            and period_values.segment = prior_period_to_date.segment
            and period_values.kpi = prior_period_to_date.kpi
    left join valued as prior_year_to_date
        on
            prior_year_to_date.comparison = 'prior_year_to_date'
            and period_values.period_type = prior_year_to_date.period_type
            and period_values.period_start = prior_year_to_date.period_start
            and period_values.segment_type = prior_year_to_date.segment_type
            and period_values.segment = prior_year_to_date.segment
            and period_values.kpi = prior_year_to_date.kpi
),

final as (
    select
        period_type,
        period_name,
        period_start,
        period_end,
        is_complete_period,
        segment_type,
        segment,
        kpi,
        unit,
        cast(numerator as decimal(18, 2)) as numerator,
        cast(denominator as decimal(18, 2)) as denominator,
        value,
        prior_period_value,
        prior_period_to_date_value,
        cast(value - prior_period_to_date_value as decimal(28, 6)) as change_on_prior_period,
        {{ rate('exact - prior_period_to_date_exact', 'prior_period_to_date_exact') }}
            as change_rate_on_prior_period,
        prior_year_value,
        prior_year_to_date_value,
        cast(value - prior_year_to_date_value as decimal(28, 6)) as change_on_prior_year,
        {{ rate('exact - prior_year_to_date_exact', 'prior_year_to_date_exact') }}
            as change_rate_on_prior_year,
        as_of_date
    from compared
)

select * from final
order by period_start, period_type, segment_type, segment, kpi
