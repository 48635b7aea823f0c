{#- Kind of period, the columns of dim_date that name and bound it, and how many make a year. -#}
{%- set period_types = [
    {"name": "month", "label": "calendar_month_name", "a_year": 12},
    {"name": "quarter", "label": "calendar_quarter_name", "a_year": 4},
    {"name": "year", "label": "cast(calendar_year as " ~ dbt.type_string() ~ ")", "a_year": 1},
    {"name": "fiscal_quarter", "label": "fiscal_quarter_name", "a_year": 4},
    {"name": "fiscal_year", "label": "fiscal_year_name", "a_year": 1}
] -%}

with

dates as (
    select * from {{ ref('dim_date') }}
),

opportunities as (
    select * from {{ ref('fct_opportunity') }}
),

clock as (
    select {{ as_of_date() }} as as_of_date
),

data_range as (
    select
        least(
            min(created_date),
            coalesce(min(case when not is_open then close_date end), min(created_date))
        ) as first_day
    from opportunities
    where not is_deleted
),

calendar as (
    {% for period_type in period_types -%}
    select
        '{{ period_type.name }}' as period_type,
        {{ period_type.label }} as period_name,
        {{ period_type.name }}_start_date as period_start,
        {{ period_type.name }}_end_date as period_end,
        {{ period_type.a_year }} as periods_a_year
    from dates
    group by
        {{ period_type.label }},
        {{ period_type.name }}_start_date,
        {{ period_type.name }}_end_date
    {% if not loop.last -%}
    union all
    {% endif -%}
    {% endfor %}
),

covered as (
    select
        calendar.*,
        clock.as_of_date
    from calendar
    cross join data_range
    cross join clock
    where
        calendar.period_end >= data_range.first_day
        and calendar.period_start <= clock.as_of_date
),

numbered as (
    select
        *,
        period_end <= as_of_date as is_complete_period,
        least(period_end, as_of_date) as period_to_date,
        row_number() over (
            partition by period_type
            order by period_start
        ) as period_number
    from covered
),

measured as (
    select
        *,
        {{ day_count('period_start', 'period_end') }} as days_in_period,
        {{ day_count('period_start', 'period_to_date') }} as days_elapsed
    from numbered
),

compared as (
    select
        measured.*,
        prior_period.period_start as prior_period_start,
        prior_period.period_end as prior_period_end,
        prior_year.period_start as prior_year_start,
        prior_year.period_end as prior_year_end
    from measured
    left join measured as prior_period
        on
            measured.period_type = prior_period.period_type
            and measured.period_number = prior_period.period_number + 1
    left join measured as prior_year
        on
            measured.period_type = prior_year.period_type
            and measured.period_number = prior_year.period_number + prior_year.periods_a_year
),

final as (
    select
        period_type,
        period_name,
        period_start,
        period_end,
        period_to_date,
        days_in_period,
        days_elapsed,
        is_complete_period,
        prior_period_start,
        prior_period_end,
        case
            when is_complete_period then prior_period_end
            else
                least(prior_period_end, {{ days_after('days_elapsed - 1', 'prior_period_start') }})
        end as prior_period_to_date,
        prior_year_start,
        prior_year_end,
        case
            when is_complete_period then prior_year_end
            else
                least(prior_year_end, {{ days_after('days_elapsed - 1', 'prior_year_start') }})
        end as prior_year_to_date,
        as_of_date
    from compared
)

select * from final
order by period_start, period_type
