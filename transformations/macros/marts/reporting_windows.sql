{#-
    The body of a CTE with the days over which the figures of a reporting period are taken: the
    period itself up to the as-of date and, while it runs, the same number of days of the period
    before and of the same period a year before. period_start is always that of the period that is
    reported on; window_end is the last day of the period that the days belong to.
-#}
{% macro reporting_windows(reporting_periods) -%}
    select
        'period' as comparison,
        period_type,
        period_start,
        period_start as from_day,
        period_to_date as to_day,
        period_end as window_end
    from {{ reporting_periods }}
    union all
    select
        'prior_period_to_date' as comparison,
        period_type,
        period_start,
        prior_period_start as from_day,
        prior_period_to_date as to_day,
        prior_period_end as window_end
    from {{ reporting_periods }}
    where not is_complete_period and prior_period_start is not null
    union all
    select
        'prior_year_to_date' as comparison,
        period_type,
        period_start,
        prior_year_start as from_day,
        prior_year_to_date as to_day,
        prior_year_end as window_end
    from {{ reporting_periods }}
    where not is_complete_period and prior_year_start is not null
{%- endmacro %}
