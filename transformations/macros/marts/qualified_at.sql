{#-
    When an opportunity of fct_opportunity was qualified; null if never. Prospecting ends when
    there is a deal worth qualifying, so that is when the deal reaches the Qualification stage; a
    stage that was skipped, on the way to a later one or to a win, counts as reached.
-#}
{% macro qualified_at() -%}
    reached_qualification_at
{%- endmacro %}
