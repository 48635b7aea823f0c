{#- Whether a row with valid_from and valid_to (exclusive, null = open) holds at an instant. -#}
{% macro holds_at(relation, instant) -%}
    {{ instant }} >= {{ relation }}.valid_from
    and ({{ instant }} < {{ relation }}.valid_to or {{ relation }}.valid_to is null)
{%- endmacro %}
