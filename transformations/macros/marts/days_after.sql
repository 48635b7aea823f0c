{#- The date that many days after a date; part days are not allowed, so round them first. -#}
{% macro days_after(days, date_day) -%}
    cast({{ dbt.dateadd('day', 'cast(' ~ days ~ ' as integer)', date_day) }} as date)
{%- endmacro %}
