{#-
    For facts whose rows can change without a new record of their own: an e-mail address that is
    matched to a person who was entered later, an account that is merged, a task that is deleted.
    Such a fact writes the difference between what its input says now and what it holds: rows that
    are new or differ are written, rows that the input no longer has are removed. So a run that
    adds a day and a full refresh give the same table, in whatever order records arrived.
-#}

{#- Condition on a row of `input` (a CTE): the table does not hold it as it is. -#}
{% macro is_not_stored(input, key, columns) -%}
    not exists (
        select 1
        from {{ this }} as stored
        where
            stored.{{ key }} = {{ input }}.{{ key }}
            {%- for column in columns if column != key %}
            and stored.{{ column }} is not distinct from {{ input }}.{{ column }}
            {%- endfor %}
    )
{%- endmacro %}

{#- Statement for a pre-hook: remove the rows whose record `relation` no longer shows. -#}
{% macro delete_vanished(key, relation) -%}
    {%- if is_incremental() -%}
    delete from {{ this }}
    where not exists (
        select 1
        from {{ relation }} as input
        where
            input.{{ key }} = {{ this }}.{{ key }}
            and input.recorded_at < {{ as_of_end() }}
    )
    {%- endif -%}
{%- endmacro %}
