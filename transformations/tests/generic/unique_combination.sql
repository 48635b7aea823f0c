{#-
    Fails with every combination of the given columns that occurs more than once,
    and how often it does. Nulls count as a value, so a half-empty key is found too.
-#}
{% test unique_combination(model, combination_of_columns) %}

    {{ config(severity="error") }}

    select
        {{ combination_of_columns | join(",\n        ") }},
        count(*) as row_count
    from {{ model }}
    group by
        {{ combination_of_columns | join(",\n        ") }}
    having count(*) > 1

{% endtest %}
