{#- The body of a CTE with one row: the numbers of the seed forecast_rules, one column per rule. -#}
{% macro forecast_rules(rules) -%}
    select
        {% for rule in [
            'bias_tolerance', 'bias_minimum_periods', 'bias_minimum_weeks', 'look_ahead_days',
            'stage_rate_minimum_sample', 'coverage_window_days', 'coverage_minimum_sample'
        ] -%}
        max(case when rule = '{{ rule }}' then value end) as {{ rule }}{{ "," if not loop.last }}
        {% endfor %}
    from {{ rules }}
{%- endmacro %}
