{#-
    The body of a CTE with one row per canonical stage: the probability with which a deal in that
    stage is won by default. Where the source pipelines that map to a stage disagree, their mean.
-#}
{% macro stage_probabilities(stages) -%}
    select
        stage,
        cast(avg(default_probability) as decimal(9, 4)) as default_probability
    from {{ stages }}
    group by stage
{%- endmacro %}
