{#-
    Comparisons within a group of peers.
-#}

{#- Share of the others of the group whose value is lower, those that are equal counted half; null
    without others. A window expression over rows of which each is one member. -#}
{% macro percentile_among_others(value, partition_by) -%}
    {%- set group = partition_by | join(', ') -%}
    (
        rank() over (partition by {{ group }} order by {{ value }}) - 1
        + (count(*) over (partition by {{ group }}, {{ value }}) - 1) / 2.0
    ) / nullif(count(*) over (partition by {{ group }}) - 1, 0)
{%- endmacro %}

{#- A value as people read it: a share in whole percent, other numbers with one decimal, below 1 with
    two. -#}
{% macro shown_value(value, unit) -%}
    case
        when {{ unit }} = 'share'
            then
                cast(cast(round({{ value }} * 100) as integer) as {{ dbt.type_string() }}) || ' %'
        when abs({{ value }}) < 1
            then cast(cast({{ value }} as decimal(18, 2)) as {{ dbt.type_string() }})
        else cast(cast({{ value }} as decimal(18, 1)) as {{ dbt.type_string() }})
    end
{%- endmacro %}
