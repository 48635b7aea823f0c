{#- The greatest value of a column in the table that an incremental model is about to extend, as a
    SQL literal; none when the model is built in full. A literal, unlike a subquery, lets the engine
    skip the blocks and partitions that hold nothing new. -#}
{% macro watermark(column) -%}
    {#- a unit test has no table -#}
    {%- if this is not none and is_incremental() -%}
        {%- set value = run_query('select max(' ~ column ~ ') from ' ~ this).columns[0][0] -%}
        {%- if value is number -%}
            {{ return(value | int) }}
        {%- elif value is not none -%}
            {{ return("cast('" ~ value ~ "' as timestamp)") }}
        {%- endif -%}
    {%- endif -%}
    {{ return(none) }}
{%- endmacro %}
