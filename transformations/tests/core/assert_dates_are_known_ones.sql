{%- set days = [
    ('2024-12-30', 2025, 1, 1),
    ('2026-01-01', 2026, 1, 4),
    ('2026-12-31', 2026, 53, 4),
    ('2027-01-03', 2026, 53, 7),
    ('2027-01-04', 2027, 1, 1),
] -%}

-- Days whose place in the ISO 8601 calendar is published (Wikipedia, ISO week date): the turns of
-- the years, and week 53. The fiscal calendar is checked for what every pattern must hold.
with

known_days as (
    {% for day, iso_year, iso_week, iso_day in days -%}
    select
        cast('{{ day }}' as date) as date_day,
        {{ iso_year }} as iso_year,
        {{ iso_week }} as iso_week,
        {{ iso_day }} as iso_day
    {% if not loop.last -%}
    union all
    {% endif -%}
    {% endfor %}
),

dates as (
    select * from {{ ref('dim_date') }}
),

wrong_iso_days as (
    select
        dates.date_day,
        'another ISO week than published' as problem
    from dates
    inner join known_days
        on dates.date_day = known_days.date_day
    where
        dates.iso_year <> known_days.iso_year
        or dates.iso_week <> known_days.iso_week
        or dates.iso_day_of_week <> known_days.iso_day
),

wrong_fiscal_days as (
    select
        date_day,
        'outside its own fiscal periods' as problem
    from dates
    where
        not (
            date_day between fiscal_period_start_date and fiscal_period_end_date
            and fiscal_period_start_date >= fiscal_quarter_start_date
            and fiscal_period_end_date <= fiscal_quarter_end_date
            and fiscal_quarter_start_date >= fiscal_year_start_date
            and fiscal_quarter_end_date <= fiscal_year_end_date
            and fiscal_quarter between 1 and 4
            and fiscal_period between 3 * fiscal_quarter - 2 and 3 * fiscal_quarter
            and fiscal_week between 1 and 53
        )
),

gaps as (
    select
        date_day,
        'the next day is missing' as problem
    from (
        select
            date_day,
            lead(date_day) over (order by date_day) as next_day
        from dates
    ) as neighbours
    where next_day <> cast({{ dbt.dateadd('day', 1, 'date_day') }} as date)
)

select * from wrong_iso_days
union all
select * from wrong_fiscal_days
union all
select * from gaps
