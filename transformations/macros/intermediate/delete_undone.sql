{#- Statement for a pre-hook of an incremental model: remove the rows whose record in `relation` no
    longer counts (deleted, re-opened, a response taken back) since they were added.

    key          unique key of the model
    id_columns   the columns of the relation that it is made of -#}
{% macro delete_undone(key, relation, id_columns=['source_id']) -%}
    {%- if is_incremental() -%}
    delete from {{ this }}
    where {{ key }} in (
        select {{ global_id('source_system', id_columns | join(" || ':' || ")) }}
        from {{ relation }}
        where not has_happened
    )
    {%- endif -%}
{%- endmacro %}
