{#-
    Whether a lost record was never a deal of its own: a duplicate, merged into another one, never
    qualified, or a test. Such records are left out of win rates and cycle times; the reason on the
    record says so, and a record without a reason stays in.
-#}
{% macro is_excluded_deal(loss_reason) -%}
    coalesce(
        lower({{ loss_reason }}) like '%duplicate%'
        or lower({{ loss_reason }}) like '%merged%'
        or lower({{ loss_reason }}) like '%unqualified%'
        or lower({{ loss_reason }}) like '%not qualified%'
        or lower({{ loss_reason }}) like '%test record%',
        false
    )
{%- endmacro %}
