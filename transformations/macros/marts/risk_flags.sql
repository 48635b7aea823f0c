{#-
    The warnings about open deals: name in the seed `risk_thresholds` → column of mart_deal_risk, in
    the order in which the sentence names them. Every model that speaks of all of them goes by this.
-#}
{% macro risk_flags() -%}
    {{ return({
        "overdue_close_date": "is_overdue",
        "no_recent_activity": "has_no_recent_activity",
        "stalled": "is_stalled",
        "pushed_repeatedly": "is_pushed_repeatedly",
        "single_threaded": "is_single_threaded",
        "no_decision_maker": "has_no_decision_maker",
        "no_next_step": "has_no_next_step",
        "late_stage_competitor": "has_late_stage_competitor",
        "evidence_missing": "is_evidence_missing",
        "missing_amount": "is_missing_amount",
        "shrinking_amount": "has_shrinking_amount",
        "large_amount": "has_large_amount",
    }) }}
{%- endmacro %}
