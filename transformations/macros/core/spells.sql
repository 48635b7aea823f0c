{#-
    The spells in which an attribute of a slowly changing dimension kept its value, as a select:
    consecutive versions that agree in it are one spell. What the first version says is taken to
    have held before, so that no earlier event falls out.

    versions     a relation with the key, the attribute, valid_from and valid_to, without gaps
-#}
{% macro spells(versions, key, attribute) -%}
    select
        {{ key }},
        {{ attribute }},
        case
            when spell_number = 1 then cast('1900-01-01 00:00:00' as timestamp)
            else min(valid_from)
        end as valid_from,
        case when count(*) = count(valid_to) then max(valid_to) end as valid_to
    from (
        select
            *,
            sum(is_change) over (
                partition by {{ key }}
                order by valid_from
                rows between unbounded preceding and current row
            ) as spell_number
        from (
            select
                *,
                case
                    when version_number = 1 or ({{ attribute }} is distinct from previous_value)
                        then 1
                    else 0
                end as is_change
            from (
                select
                    *,
                    row_number() over (partition by {{ key }} order by valid_from)
                        as version_number,
                    lag({{ attribute }}) over (partition by {{ key }} order by valid_from)
                        as previous_value
                from {{ versions }}
            ) as ordered_versions
        ) as compared_versions
    ) as numbered_versions
    group by {{ key }}, {{ attribute }}, spell_number
{%- endmacro %}
