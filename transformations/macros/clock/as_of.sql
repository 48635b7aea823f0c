{#- The only clock of the project. A date expression: the variable as_of_date when the caller gave
    one, else the one row of ops.ops_clock. -#}
{% macro as_of_date() -%}
    {%- if var('as_of_date', none) -%}
        cast('{{ var("as_of_date") }}' as date)
    {%- else -%}
        (select clock.as_of_date from {{ source('ops', 'ops_clock') }} as clock)
    {%- endif -%}
{%- endmacro %}


{#- The first instant (UTC) that is no longer seen: midnight after as_of_date. What is recorded
    before it counts. -#}
{% macro as_of_end() -%}
    {%- if var('as_of_date', none) -%}
        {%- set next_day = modules.datetime.date.fromisoformat(var('as_of_date') | string)
            + modules.datetime.timedelta(days=1) -%}
        cast('{{ next_day.isoformat() }} 00:00:00' as timestamp)
    {%- else -%}
        (
            select cast({{ dbt.dateadd('day', 1, 'clock.as_of_date') }} as timestamp)
            from {{ source('ops', 'ops_clock') }} as clock
        )
    {%- endif -%}
{%- endmacro %}
