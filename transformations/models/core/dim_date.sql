with

fiscal_calendar as (
    select * from {{ ref('fiscal_calendar') }}
),

events as (
    select * from {{ ref('fct_opportunity_event') }}
),

activities as (
    select occurred_date from {{ ref('fct_activity') }}
),

touchpoints as (
    select occurred_date from {{ ref('fct_touchpoint') }}
),

leads as (
    select created_at from {{ ref('int_crm__leads') }}
),

quotas as (
    select period_start from {{ ref('int_crm__quotas') }}
),

first_days as (
    select min(changed_date) as first_day from events
    union all
    select min(cast(new_value as date)) as first_day from events
    where field = 'close_date'
    union all
    select min(occurred_date) as first_day from activities
    union all
    select min(occurred_date) as first_day from touchpoints
    union all
    select min(cast(created_at as date)) as first_day from leads
    union all
    select min(period_start) as first_day from quotas
    union all
    select {{ as_of_date() }} as first_day
),

-- whole calendar years; a typing error in a date does not stretch the calendar to antiquity
bounds as (
    select
        cast(
            {{ dbt.date_trunc('year', "greatest(min(first_day), cast('1970-01-01' as date))") }}
            as date
        ) as first_day,
        {{ dbt.last_day(dbt.dateadd('year', 2, as_of_date()), 'year') }} as last_day
    from first_days
),

-- with a margin, so that the fiscal years at both ends are whole while they are measured
spine as (
    {{ day_spine(
        "(select cast(" ~ dbt.dateadd('year', -2, 'bounds.first_day') ~ " as date) from bounds)",
        "(select cast(" ~ dbt.dateadd('year', 2, 'bounds.last_day') ~ " as date) from bounds)"
    ) }}
),

calendar as (
    select
        date_day,
        cast(extract(year from date_day) as integer) as calendar_year,
        cast(extract(quarter from date_day) as integer) as calendar_quarter,
        cast(extract(month from date_day) as integer) as calendar_month,
        cast(extract(day from date_day) as integer) as day_of_month,
        {{ iso_year('date_day') }} as iso_year,
        {{ iso_week('date_day') }} as iso_week,
        {{ iso_day_of_week('date_day') }} as iso_day_of_week,
        cast({{ dbt.date_trunc('month', 'date_day') }} as date) as month_start_date,
        cast({{ dbt.last_day('date_day', 'month') }} as date) as month_end_date,
        cast({{ dbt.date_trunc('quarter', 'date_day') }} as date) as quarter_start_date,
        cast({{ dbt.last_day('date_day', 'quarter') }} as date) as quarter_end_date,
        cast({{ dbt.date_trunc('year', 'date_day') }} as date) as year_start_date,
        cast({{ dbt.last_day('date_day', 'year') }} as date) as year_end_date
    from spine
),

weeks as (
    select
        *,
        cast({{ dbt.dateadd('day', '1 - iso_day_of_week', 'date_day') }} as date)
            as week_start_date,
        cast({{ dbt.dateadd('day', '7 - iso_day_of_week', 'date_day') }} as date) as week_end_date,
        iso_day_of_week <= 5 as is_business_day
    from calendar
),

-- a fiscal year of months begins with its first month, one of weeks on the Monday nearest to it;
-- either is named after the calendar year in which it ends
fiscal_years as (
    select
        fiscal_calendar.pattern,
        case
            when fiscal_calendar.fiscal_year_start_month = 1 then weeks.calendar_year
            else weeks.calendar_year + 1
        end as fiscal_year,
        case
            when fiscal_calendar.pattern = 'calendar' then weeks.month_start_date
            else weeks.week_start_date
        end as fiscal_year_start_date
    from weeks
    inner join fiscal_calendar
        on weeks.calendar_month = fiscal_calendar.fiscal_year_start_month
    where weeks.day_of_month = 4
),

fiscal_year_ranges as (
    select
        *,
        lead(fiscal_year_start_date) over (order by fiscal_year_start_date)
            as next_fiscal_year_start_date
    from fiscal_years
),

fiscal_days as (
    select
        weeks.*,
        fiscal_year_ranges.pattern,
        fiscal_year_ranges.fiscal_year,
        fiscal_year_ranges.fiscal_year_start_date,
        cast(
            {{ dbt.dateadd('day', -1, 'fiscal_year_ranges.next_fiscal_year_start_date') }} as date
        ) as fiscal_year_end_date,
        cast(
            floor(
                {{ dbt.datediff(
                    'fiscal_year_ranges.fiscal_year_start_date', 'weeks.date_day', 'day'
                ) }} / 7.0
            ) as integer
        ) + 1 as fiscal_week,
        {{ dbt.datediff(
            'fiscal_year_ranges.fiscal_year_start_date', 'weeks.date_day', 'month'
        ) }} + 1 as month_of_fiscal_year
    from weeks
    inner join fiscal_year_ranges
        on
            weeks.date_day >= fiscal_year_ranges.fiscal_year_start_date
            and weeks.date_day < fiscal_year_ranges.next_fiscal_year_start_date
),

-- thirteen weeks a quarter; a 53rd week lengthens the last one
fiscal_quarters as (
    select
        *,
        case
            when pattern = 'calendar' then cast(ceil(month_of_fiscal_year / 3.0) as integer)
            else least(cast(ceil(fiscal_week / 13.0) as integer), 4)
        end as fiscal_quarter
    from fiscal_days
),

quarter_weeks as (
    select
        *,
        fiscal_week - 13 * (fiscal_quarter - 1) as week_of_quarter,
        case pattern when '5-4-4' then 5 else 4 end as last_week_of_first_period,
        case pattern when '4-4-5' then 8 else 9 end as last_week_of_second_period
    from fiscal_quarters
),

fiscal_periods as (
    select
        *,
        case
            when pattern = 'calendar' then cast(month_of_fiscal_year as integer)
            when week_of_quarter <= last_week_of_first_period then 3 * fiscal_quarter - 2
            when week_of_quarter <= last_week_of_second_period then 3 * fiscal_quarter - 1
            else 3 * fiscal_quarter
        end as fiscal_period
    from quarter_weeks
),

ranged as (
    select
        *,
        min(date_day) over (partition by fiscal_year, fiscal_quarter) as fiscal_quarter_start_date,
        max(date_day) over (partition by fiscal_year, fiscal_quarter) as fiscal_quarter_end_date,
        min(date_day) over (partition by fiscal_year, fiscal_period) as fiscal_period_start_date,
        max(date_day) over (partition by fiscal_year, fiscal_period) as fiscal_period_end_date,
        sum(case when is_business_day then 1 else 0 end) over (
            partition by month_start_date
        ) as business_days_in_month,
        sum(case when is_business_day then 1 else 0 end) over (
            partition by month_start_date
            order by date_day
            rows between unbounded preceding and current row
        ) as business_day_of_month,
        sum(case when is_business_day then 1 else 0 end) over (
            partition by fiscal_year, fiscal_quarter
        ) as business_days_in_fiscal_quarter,
        sum(case when is_business_day then 1 else 0 end) over (
            partition by fiscal_year, fiscal_quarter
            order by date_day
            rows between unbounded preceding and current row
        ) as business_day_of_fiscal_quarter
    from fiscal_periods
),

named as (
    select
        *,
        cast(calendar_year as {{ dbt.type_string() }}) as year_name,
        cast(fiscal_year as {{ dbt.type_string() }}) as fiscal_year_number,
        right('0' || cast(calendar_month as {{ dbt.type_string() }}), 2) as month_number,
        right('0' || cast(fiscal_period as {{ dbt.type_string() }}), 2) as fiscal_period_number,
        right('0' || cast(iso_week as {{ dbt.type_string() }}), 2) as iso_week_number
    from ranged
),

final as (
    select
        named.date_day,
        named.calendar_year,
        named.calendar_quarter,
        named.calendar_month,
        named.day_of_month,
        named.iso_year,
        named.iso_week,
        named.iso_day_of_week,
        named.year_name || '-Q' || cast(named.calendar_quarter as {{ dbt.type_string() }})
            as calendar_quarter_name,
        named.year_name || '-' || named.month_number as calendar_month_name,
        cast(named.iso_year as {{ dbt.type_string() }}) || '-W' || named.iso_week_number
            as iso_week_name,
        named.week_start_date,
        named.week_end_date,
        named.month_start_date,
        named.month_end_date,
        named.quarter_start_date,
        named.quarter_end_date,
        named.year_start_date,
        named.year_end_date,
        named.fiscal_year,
        named.fiscal_quarter,
        named.fiscal_period,
        named.fiscal_week,
        'FY' || named.fiscal_year_number as fiscal_year_name,
        'FY' || named.fiscal_year_number || '-Q'
        || cast(named.fiscal_quarter as {{ dbt.type_string() }}) as fiscal_quarter_name,
        'FY' || named.fiscal_year_number || '-P' || named.fiscal_period_number
            as fiscal_period_name,
        named.fiscal_year_start_date,
        named.fiscal_year_end_date,
        named.fiscal_quarter_start_date,
        named.fiscal_quarter_end_date,
        named.fiscal_period_start_date,
        named.fiscal_period_end_date,
        named.is_business_day,
        cast(named.business_day_of_month as integer) as business_day_of_month,
        cast(named.business_days_in_month as integer) as business_days_in_month,
        cast(named.business_day_of_fiscal_quarter as integer) as business_day_of_fiscal_quarter,
        cast(named.business_days_in_fiscal_quarter as integer)
            as business_days_in_fiscal_quarter
    from named
    inner join bounds
        on named.date_day between bounds.first_day and bounds.last_day
)

select * from final
