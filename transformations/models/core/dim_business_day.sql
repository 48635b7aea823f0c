with

dates as (
    select * from {{ ref('dim_date') }}
),

business_hours as (
    select * from {{ ref('business_hours') }}
),

holidays as (
    select * from {{ ref('holidays') }}
),

holiday_years as (
    select distinct
        region,
        cast(extract(year from holiday_date) as integer) as calendar_year
    from holidays
),

hours as (
    select
        *,
        cast(substring(opens_at, 1, 2) as integer) * 60
        + cast(substring(opens_at, 4, 2) as integer) as opening_minute,
        cast(substring(closes_at, 1, 2) as integer) * 60
        + cast(substring(closes_at, 4, 2) as integer) as closing_minute
    from business_hours
),

days as (
    select
        hours.region,
        dates.date_day,
        hours.time_zone,
        holidays.name as holiday_name,
        holiday_years.region is not null as has_holiday_calendar,
        hours.weekdays like '%' || cast(dates.iso_day_of_week as {{ dbt.type_string() }}) || '%'
        and holidays.holiday_date is null as is_business_day,
        {{ dbt.dateadd('minute', 'hours.opening_minute', 'cast(dates.date_day as timestamp)') }}
            as opens_at_local,
        {{ dbt.dateadd('minute', 'hours.closing_minute', 'cast(dates.date_day as timestamp)') }}
            as closes_at_local
    from dates
    cross join hours
    left join holidays
        on
            hours.region = holidays.region
            and dates.date_day = holidays.holiday_date
    left join holiday_years
        on
            hours.region = holiday_years.region
            and dates.calendar_year = holiday_years.calendar_year
),

opened as (
    select
        *,
        case
            when is_business_day then {{ instant_of_local('opens_at_local', 'time_zone') }}
        end as opens_at,
        case
            when is_business_day then {{ instant_of_local('closes_at_local', 'time_zone') }}
        end as closes_at
    from days
),

measured as (
    select
        *,
        coalesce({{ dbt.datediff('opens_at', 'closes_at', 'second') }}, 0) as business_seconds
    from opened
),

final as (
    select
        region,
        date_day,
        time_zone,
        is_business_day,
        holiday_name,
        has_holiday_calendar,
        opens_at,
        closes_at,
        cast(
            sum(case when is_business_day then 1 else 0 end) over (
                partition by region
                order by date_day
                rows between unbounded preceding and current row
            ) as integer
        ) as business_day_number,
        cast(business_seconds as integer) as business_seconds,
        cast(
            sum(business_seconds) over (
                partition by region
                order by date_day
                rows between unbounded preceding and current row
            ) - business_seconds as bigint
        ) as business_seconds_before
    from measured
)

select * from final
