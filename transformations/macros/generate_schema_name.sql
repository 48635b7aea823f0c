{#- Schemas are exactly the configured ones (staging, intermediate, core, marts, seeds):
    environments differ by database file or catalog, never by a schema prefix. -#}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ (custom_schema_name or target.schema) | trim }}
{%- endmacro %}
