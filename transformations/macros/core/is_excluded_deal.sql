{#-
    Whether a lost record was never a deal of its own: a duplicate, merged into another one, never
    qualified, or a test. Such records are left out of win rates and cycle times; the reason on the
    record says so, and a record without a reason stays in.
-#}
{% macro is_excluded_deal(loss_reason) -%}
    ({{ is_false_record(loss_reason) }} or {{ is_disqualified(loss_reason) }})
{%- endmacro %}

{#- Whether it was no deal at all: it stands for another one or for none. -#}
{% macro is_false_record(loss_reason) -%}
    coalesce(
        lower({{ loss_reason }}) like '%duplicate%'
        or lower({{ loss_reason }}) like '%merged%'
        or lower({{ loss_reason }}) like '%test record%',
        false
    )
{%- endmacro %}

{#- Whether it was looked at and found to be none. Stage conversion counts these: to sort them out
    is what the first stages are for. -#}
{% macro is_disqualified(loss_reason) -%}
    coalesce(
        lower({{ loss_reason }}) like '%unqualified%'
        or lower({{ loss_reason }}) like '%not qualified%',
        false
    )
{%- endmacro %}
