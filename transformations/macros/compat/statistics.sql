{#- Aggregates over doubles, so that engines agree: interpolated between the two middle values. -#}

{% macro median_double(expression) -%}
    {{ quantile_double(expression, 0.5) }}
{%- endmacro %}

{#- quantile between 0 and 1; null when the group has no values. -#}
{% macro quantile_double(expression, quantile) -%}
    {{ return(adapter.dispatch('quantile_double')(expression, quantile)) }}
{%- endmacro %}

{% macro default__quantile_double(expression, quantile) -%}
    percentile_cont({{ quantile }}) within group (order by cast({{ expression }} as double))
{%- endmacro %}
