{#-
    Fails with every version of an entity whose range of validity is not sound: it ends before or
    when it begins, the next version does not begin where it ends, or it is open-ended without
    being the last one.
-#}
{% test valid_ranges(model, entity, valid_from, valid_to) %}

    with

    neighbours as (
        select
            {{ entity }} as entity,
            {{ valid_from }} as valid_from,
            {{ valid_to }} as valid_to,
            lead({{ valid_from }}) over (
                partition by {{ entity }}
                order by {{ valid_from }}
            ) as next_valid_from
        from {{ model }}
    )

    select * from neighbours
    where
        valid_from >= valid_to
        or valid_to is distinct from next_valid_from

{% endtest %}
