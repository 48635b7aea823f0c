{#- Ages in days, from the creation of a deal, at which mart_win_rate tells the survival basis. -#}
{% macro win_rate_horizons() -%}
    {{ return([90, 180, 365]) }}
{%- endmacro %}
