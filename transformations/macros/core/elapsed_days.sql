{#- Days between two timestamps with their fraction, as decimal(18, 4). -#}
{% macro elapsed_days(start_at, end_at) -%}
    cast({{ dbt.datediff(start_at, end_at, 'second') }} / 86400.0 as decimal(18, 4))
{%- endmacro %}
