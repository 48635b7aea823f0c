{#- Calendar functions that differ between engines. -#}

{#- The ISO 8601 week number (1 to 53) of a date. -#}
{% macro iso_week(expression) -%}
    {{ return(adapter.dispatch('iso_week')(expression)) }}
{%- endmacro %}

{% macro default__iso_week(expression) -%}
    cast(extract(week from {{ expression }}) as integer)
{%- endmacro %}


{#- The year that an ISO 8601 week belongs to. -#}
{% macro iso_year(expression) -%}
    {{ return(adapter.dispatch('iso_year')(expression)) }}
{%- endmacro %}

{% macro default__iso_year(expression) -%}
    cast(extract(isoyear from {{ expression }}) as integer)
{%- endmacro %}

{% macro spark__iso_year(expression) -%}
    cast(extract(yearofweek from {{ expression }}) as integer)
{%- endmacro %}


{#- The ISO 8601 day of the week of a date: Monday 1 to Sunday 7. -#}
{% macro iso_day_of_week(expression) -%}
    {{ return(adapter.dispatch('iso_day_of_week')(expression)) }}
{%- endmacro %}

{% macro default__iso_day_of_week(expression) -%}
    cast(extract(isodow from {{ expression }}) as integer)
{%- endmacro %}

{% macro spark__iso_day_of_week(expression) -%}
    cast(extract(dayofweek_iso from {{ expression }}) as integer)
{%- endmacro %}


{#- A select with one row per day, column date_day, from start to end, both included. Both are date
    expressions (scalar subqueries allowed); neither is evaluated while compiling. -#}
{% macro day_spine(start_date, end_date) -%}
    {{ return(adapter.dispatch('day_spine')(start_date, end_date)) }}
{%- endmacro %}

{% macro default__day_spine(start_date, end_date) -%}
    select cast(spine.day_at as date) as date_day
    from generate_series(
        cast({{ start_date }} as timestamp),
        cast({{ end_date }} as timestamp),
        interval 1 day
    ) as spine (day_at)
{%- endmacro %}

{% macro spark__day_spine(start_date, end_date) -%}
    select explode(sequence({{ start_date }}, {{ end_date }}, interval 1 day)) as date_day
{%- endmacro %}
