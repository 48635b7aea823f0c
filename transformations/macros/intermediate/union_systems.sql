{#- The rows of one staged object from every enabled system that has it, as the body of a CTE.

    area      key of the variable `systems`: a list of systems, or what each calls the object
    columns   the columns, which every system has under these names
    object    what comes after `stg_<system>__`; by default what the variable says -#}
{% macro union_systems(area, columns, object=none) -%}
    {%- set systems = var('systems')[area] -%}
    {%- if not systems -%}
        {{ exceptions.raise_compiler_error("vars.systems has no entry '" ~ area ~ "'.") }}
    {%- endif -%}
    {%- for system in systems %}
    {{ "union all" if not loop.first }}
    select
        {{ columns | join(',\n        ') }}
    from {{ ref('stg_' ~ system ~ '__' ~ (object or systems[system])) }}
    {%- endfor %}
{%- endmacro %}
