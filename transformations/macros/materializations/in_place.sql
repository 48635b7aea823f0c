{#- Tables and views on DuckDB, made in place.

    dbt builds beside what is there, renames twice and drops what was there, so that readers never
    miss a relation: a third of what a small model costs. Here nobody reads the build database
    while dbt writes it, and one transaction drops the old and makes the new; when it fails, the
    old is still there. Other engines keep their own materialisations. -#}

{% materialization table, adapter='duckdb' %}
    {%- set target = this.incorporate(type='table') -%}
    {{ run_hooks(pre_hooks) }}
    {% call statement('main') -%}
        {{ drop_before(target) }}
        {{ create_table_as(false, target, compiled_code) }}
    {%- endcall %}
    {{ run_hooks(post_hooks) }}
    {% do adapter.commit() %}
    {{ return({'relations': [target]}) }}
{% endmaterialization %}

{% materialization view, adapter='duckdb' %}
    {%- set target = this.incorporate(type='view') -%}
    {{ run_hooks(pre_hooks) }}
    {% call statement('main') -%}
        {{ drop_before(target) }}
        {{ create_view_as(target, compiled_code) }}
    {%- endcall %}
    {{ run_hooks(post_hooks) }}
    {% do adapter.commit() %}
    {{ return({'relations': [target]}) }}
{% endmaterialization %}

{#- What stands under the name of a relation that is about to be made, whatever kind it is of. -#}
{% macro drop_before(relation) -%}
    {%- set existing = load_cached_relation(relation) -%}
    {%- if existing is not none -%} drop {{ existing.type }} if exists {{ existing }}; {%- endif -%}
{%- endmacro %}
