{#- The number of days from the first to the last, both included. -#}
{% macro day_count(first_day, last_day) -%}
    cast(
        {{ dbt.datediff(first_day, last_day, 'day') }}
        + 1
        as integer
    )
{%- endmacro %}
