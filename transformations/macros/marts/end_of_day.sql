{#- The last second of a day: the instant at which a snapshot of the day's evening is taken. -#}
{% macro end_of_day(date_day) -%}
    {{ dbt.dateadd('second', 86399, 'cast(' ~ date_day ~ ' as timestamp)') }}
{%- endmacro %}
