{#- A whole number with its noun as text, e.g. 1 day, 2 days. -#}
{% macro counted(number, noun) -%}
    cast(cast({{ number }} as bigint) as {{ dbt.type_string() }})
    || case when cast({{ number }} as bigint) = 1 then ' {{ noun }}' else ' {{ noun }}s' end
{%- endmacro %}
