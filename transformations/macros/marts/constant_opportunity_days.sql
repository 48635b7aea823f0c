{#- The body of a CTE: the rows of fct_opportunity_daily with amount_constant, the amount at the
    constant rate of its currency. -#}
{% macro constant_opportunity_days(daily, currencies) -%}
    select
        {{ daily }}.*,
        {{ converted(daily ~ '.amount_local', currencies ~ '.constant_rate') }} as amount_constant
    from {{ daily }}
    left join {{ currencies }}
        on {{ daily }}.currency_code = {{ currencies }}.currency_code
{%- endmacro %}
