{#-
    The body of a CTE with one row per country as accounts and leads name it: its two-letter code
    of ISO 3166-1.
-#}
{% macro country_codes() -%}
    select distinct
        country,
        country_code
    from {{ ref('countries') }}
{%- endmacro %}
