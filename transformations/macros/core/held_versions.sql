{#- The versions of a dimension with `held_from`: valid_from, but the first version is taken to have
    held before, so that no earlier event falls out. -#}
{% macro held_versions(versions, key) -%}
    select
        *,
        case
            when row_number() over (partition by {{ key }} order by valid_from) = 1
                then cast('1900-01-01 00:00:00' as timestamp)
            else valid_from
        end as held_from
    from {{ versions }}
{%- endmacro %}
