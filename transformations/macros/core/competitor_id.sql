{#- The id of a competitor from its name: lower-case letters and digits, so that a spelling with other
    spaces or signs is the same one; a name without such letters in lower case. -#}
{% macro competitor_id(name) -%}
    coalesce(
        nullif(lower({{ regexp_replace_all(name, '[^A-Za-z0-9]', '') }}), ''),
        lower(trim({{ name }}))
    )
{%- endmacro %}
