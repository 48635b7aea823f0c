{#- Whether a row with valid_from (or `since`) and valid_to (exclusive, null = open) holds at an
    instant. -#}
{% macro holds_at(relation, instant, since='valid_from') -%}
    {{ instant }} >= {{ relation }}.{{ since }}
    and ({{ instant }} < {{ relation }}.valid_to or {{ relation }}.valid_to is null)
{%- endmacro %}
