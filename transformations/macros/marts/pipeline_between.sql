{#-
    The waterfall, or the deals behind it, between any two evenings: what `mart_pipeline_waterfall`
    would hold for a pair that it doesn't. A whole select, to be shown with

        dbt show --inline "{{ pipeline_waterfall_between(\"'2026-02-14'\", \"'2026-05-20'\") }}"

    The arguments are SQL expressions. The earlier date comes first whatever the order; an evening
    after as_of_date is that of as_of_date. due_from and due_to restrict to deals due in that range.
-#}
{% macro pipeline_waterfall_between(from_day, to_day, due_from='null', due_to='null') -%}
    with
    {{ asked_between(from_day, to_day, due_from, due_to) }},
    {{ pipeline_changes() }},
    {{ pipeline_waterfall() }}
    select *
    from pipeline_waterfall
    order by hierarchy, node_type, node_id, bucket_order
{%- endmacro %}

{% macro pipeline_changes_between(from_day, to_day, due_from='null', due_to='null') -%}
    with
    {{ asked_between(from_day, to_day, due_from, due_to) }},
    {{ pipeline_changes() }}
    select
        from_date,
        to_date,
        due_from,
        due_to,
        opportunity_id,
        case
            when bucket = 'kept' and change_amount_local > 0 then 'increased'
            when bucket = 'kept' and change_amount_local < 0 then 'decreased'
            else bucket
        end as bucket,
        opening_owner_user_id,
        closing_owner_user_id,
        opening_close_date,
        closing_close_date,
        opening_amount,
        closing_amount,
        change_amount,
        currency_amount
    from pipeline_changes
    order by opportunity_id
{%- endmacro %}

{#- What the two need, from the published layers alone: no catalog in the names, so that they mean
    the database in which they are asked. -#}
{% macro asked_between(from_day, to_day, due_from, due_to) -%}
    clock as (
        select max(as_of_date) as as_of_date
        from {{ ref('mart_reporting_period').include(database=false) }}
    ),

    daily as (
        select * from {{ ref('fct_opportunity_daily').include(database=false) }}
    ),

    currencies as (
        select * from {{ ref('dim_currency').include(database=false) }}
    ),

    user_nodes as (
        select * from {{ ref('bridge_user_node').include(database=false) }}
    ),

    opportunity_days as (
        {{ constant_opportunity_days('daily', 'currencies') }}
    ),

    asked as (
        select
            least(
                cast({{ from_day }} as date), cast({{ to_day }} as date), as_of_date
            ) as from_date,
            least(
                greatest(cast({{ from_day }} as date), cast({{ to_day }} as date)), as_of_date
            ) as to_date,
            cast({{ due_from }} as date) as due_from,
            cast({{ due_to }} as date) as due_to
        from clock
    )
{%- endmacro %}

{#- A hook: makes the two selects functions of the database, where the engine has functions that
    give tables. Publishing copies them. DuckDB puts an argument in the place of every column of its
    name, so no column of the selects may be called like one. -#}
{% macro create_pipeline_functions() -%}
    {{ return(adapter.dispatch('create_pipeline_functions')()) }}
{%- endmacro %}

{% macro default__create_pipeline_functions() -%}
{%- endmacro %}

{% macro duckdb__create_pipeline_functions() -%}
    {%- set functions = {
        "pipeline_waterfall_between": pipeline_waterfall_between,
        "pipeline_changes_between": pipeline_changes_between,
    } -%}
    {%- for name, body in functions.items() %}
    create or replace macro {{ this.schema }}.{{ name }}
        (from_day, to_day) as table (
            {{ body('from_day', 'to_day') }}
        ),
        (from_day, to_day, due_from_day, due_to_day) as table (
            {{ body('from_day', 'to_day', 'due_from_day', 'due_to_day') }}
        );
    {%- endfor %}
{%- endmacro %}
