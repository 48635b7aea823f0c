{#-
    Fails with every row that lacks a value in one of the given columns. For seeds, which can have
    no constraints; a model's required columns are constraints of its contract.
-#}
{% test complete(model, columns) %}

    {{ config(severity="error") }}

    select {{ columns | join(", ") }}
    from {{ model }}
    where
        {{ columns | join(" is null\n        or ") }} is null

{% endtest %}
