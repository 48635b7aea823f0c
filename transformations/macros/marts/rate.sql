{#-
    numerator ÷ denominator as decimal(18, 6). A denominator that is zero or null gives null.
    Rates stay fractions: 0.25, not 25.
-#}
{% macro rate(numerator, denominator) -%}
    cast(
        cast({{ numerator }} as double) / nullif(cast({{ denominator }} as double), 0)
        as decimal(18, 6)
    )
{%- endmacro %}
