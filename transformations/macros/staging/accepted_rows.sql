{#- The rows of a raw object that a gate has not refused, as a subquery: raw columns plus
    `load_id`, the load from which on the row counts (its own, or for a released row the one that
    released it).

    schema, object   the source and its table, e.g. ('raw_salesforce', 'Account')
    after_load_id    only rows with a greater load_id (a number, or none for all) -#}
{% macro accepted_rows(schema, object, after_load_id=none) -%}
    {%- set refused = source('quarantine', schema.removeprefix('raw_').removeprefix('mapped_')
        ~ '__' ~ object) -%}
    (
        select raw_rows.*, raw_rows._load_id as load_id
        from {{ source(schema, object) }} as raw_rows
        where not exists (
            select 1
            from {{ refused }} as refused_rows
            where refused_rows._load_id = raw_rows._load_id and refused_rows._row = raw_rows._row
        )
        {%- if after_load_id is not none %}
        and raw_rows._load_id > {{ after_load_id }}
        {%- endif %}
        union all
        select
            raw_rows.*,
            greatest(released_rows.released_load_id, raw_rows._load_id) as load_id
        from {{ source(schema, object) }} as raw_rows
        inner join {{ refused }} as released_rows
            on raw_rows._load_id = released_rows._load_id and raw_rows._row = released_rows._row
        where released_rows.released_load_id is not null
        {%- if after_load_id is not none %}
        and greatest(released_rows.released_load_id, raw_rows._load_id) > {{ after_load_id }}
        {%- endif %}
    )
{%- endmacro %}
