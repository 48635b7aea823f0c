{#-
    Whether a row of fct_activity is a person of ours turning to the other side: it took place, no
    machine sent it, and it was not the other side's. Meetings, events and tasks have no direction;
    one that a seller held or completed is the seller's. Task and event must name the person.
-#}
{% macro is_human_outreach() -%}
    not coalesce(is_automated, false)
    and coalesce(direction, 'outbound') = 'outbound'
    and {{ has_taken_place() }}
{%- endmacro %}
