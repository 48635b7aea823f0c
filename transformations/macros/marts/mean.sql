{#- total ÷ number as a double, unrounded, for further arithmetic; null where there is none. -#}
{% macro mean(total, number) -%}
    cast({{ total }} as double) / nullif(cast({{ number }} as double), 0)
{%- endmacro %}
