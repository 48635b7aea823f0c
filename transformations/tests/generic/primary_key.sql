{#-
    Fails with every key that is not there or that more than one row has: `unique` and `not_null`
    in one reading, also for keys of several columns.
-#}
{% test primary_key(model, columns) %}

    {{ config(severity="error") }}

    select
        {{ columns | join(",\n        ") }},
        count(*) as row_count
    from {{ model }}
    group by
        {{ columns | join(",\n        ") }}
    having
        count(*) > 1
        {%- for column in columns %}
        or {{ column }} is null
        {%- endfor %}

{% endtest %}
