{#- How the cohorts of leads are cut: the bodies of CTEs with one row per kind of cohort and per kind
    of source. -#}
{% macro lead_cohort_types() -%}
    select 'month' as cohort_type
    union all
    select 'fiscal_quarter' as cohort_type
{%- endmacro %}

{% macro lead_source_types() -%}
    select 'company' as source_type
    union all
    select 'lead_source' as source_type
    union all
    select 'channel' as source_type
{%- endmacro %}
