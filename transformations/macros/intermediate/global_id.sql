{#- A warehouse-wide id: `<source_system>:<source id>`; a missing source id stays null. -#}
{% macro global_id(system, id) -%}
    cast({{ system }} || ':' || {{ id }} as {{ dbt.type_string() }})
{%- endmacro %}
