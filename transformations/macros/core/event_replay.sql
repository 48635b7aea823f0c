{#-
    The forward replay of an opportunity's events: which fields have a history, how the events of
    one field are ordered, and how their text becomes typed columns again. Every model that
    rebuilds a state uses these, so that all of them rebuild the same one.
-#}

{#- Field → type. `is_deleted` is text 'true' or 'false' in the events. -#}
{% macro replayed_fields() -%}
    {{ return({
        "stage": dbt.type_string(),
        "amount_local": "decimal(18, 2)",
        "close_date": "date",
        "owner_user_id": dbt.type_string(),
        "forecast_category": dbt.type_string(),
        "probability": "decimal(9, 4)",
        "next_step": dbt.type_string(),
        "is_deleted": "boolean",
    }) }}
{%- endmacro %}

{#- Order of the events of one opportunity: by when the change was made; at the same instant the
    one that was recorded later wins. `descending` puts the last one first. -#}
{% macro event_order(descending=false) -%}
    {%- set direction = " desc" if descending else "" -%}
    changed_at{{ direction }}, recorded_at{{ direction }}, change_id{{ direction }}
{%- endmacro %}

{#- One column per field from rows with `field` and `new_value`, of which each group has at most one
    a field. -#}
{% macro pivoted_fields(fields) -%}
    {%- for field in fields %}
    max(case when field = '{{ field }}' then new_value end) as {{ field }}{{ "," if not loop.last }}
    {%- endfor %}
{%- endmacro %}

{#- What a state was replayed from, one row per opportunity: how many events, the last load and the
    last recording among them. A history that has changed since differs in one of these; that is how
    incremental models find the deals to build again, in whatever order loads and clock moved on. -#}
{% macro event_histories(events) -%}
    select
        opportunity_id,
        cast(count(*) as bigint) as event_count,
        max(load_id) as load_id,
        max(recorded_at) as recorded_at
    from {{ events }}
    group by opportunity_id
{%- endmacro %}

{% macro is_same_history(history, stored) -%}
    {{ history }}.opportunity_id = {{ stored }}.opportunity_id
    and {{ history }}.event_count = {{ stored }}.event_count
    and {{ history }}.load_id = {{ stored }}.load_id
    and {{ history }}.recorded_at = {{ stored }}.recorded_at
{%- endmacro %}

{#- Name of the column that says when a deal first got to a stage. -#}
{% macro reached_at(stage) -%}
    reached_{{ stage | lower | replace(' ', '_') }}_at
{%- endmacro %}
