{#-
    Whether a lost deal ended without a decision for anybody: the buyer stayed with what they
    have. Such losses are left out of the narrow win rate. A loss without a reason is no
    no-decision: it stays in.
-#}
{% macro is_no_decision_loss(loss_reason) -%}
    coalesce(
        lower(replace(replace({{ loss_reason }}, '_', ' '), '-', ' ')) like '%no decision%'
        or lower(replace(replace({{ loss_reason }}, '_', ' '), '-', ' ')) like '%status quo%'
        or lower(replace(replace({{ loss_reason }}, '_', ' '), '-', ' ')) like '%went dark%',
        false
    )
{%- endmacro %}
