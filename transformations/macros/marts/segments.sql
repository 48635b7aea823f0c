{#-
    How the company is cut in the marts.

    `segment_types()` is the body of a CTE with one row per cut, to be cross joined under the
    alias segment_types; `segment()` is the part of that cut that a row belongs to. The row must
    carry the columns account_segment, region, sales_region, deal_type and team; null
    (`no_segment()`) means that the cut does not apply to it. `also` names further cuts and the
    column of the row that each is by. `segment_columns(opportunity_type)` gives the columns for a
    deal that was left joined with the current accounts and users under those aliases.

    Win rates are also cut by `deal_cuts()`: owner, product and industry. Their columns are
    `deal_segment_columns()`, which also wants `labelled_users()` for the users and
    `main_products()` left joined as main_products.
-#}
{% macro segment_types(also={}) -%}
    select 'company' as segment_type
    union all
    select 'segment' as segment_type
    union all
    select 'region' as segment_type
    union all
    select 'sales_region' as segment_type
    union all
    select 'opportunity_type' as segment_type
    union all
    select 'team' as segment_type
    {%- for segment_type in also %}
    union all
    select '{{ segment_type }}' as segment_type
    {%- endfor %}
{%- endmacro %}

{% macro deal_cuts() -%}
    {{ return({"owner": "owner_name", "product": "product_name", "industry": "industry"}) }}
{%- endmacro %}

{% macro segment(also={}) -%}
    case segment_types.segment_type
        when 'company' then 'All'
        when 'segment' then account_segment
        when 'region' then region
        when 'sales_region' then sales_region
        when 'opportunity_type' then deal_type
        when 'team' then team
        {%- for segment_type, column in also.items() %}
        when '{{ segment_type }}' then {{ column }}
        {%- endfor %}
    end
{%- endmacro %}

{% macro segment_columns(opportunity_type) -%}
    coalesce(accounts.segment, 'Unknown') as account_segment,
    coalesce(accounts.region, 'Unknown') as region,
    coalesce(users.region, 'Unknown') as sales_region,
    coalesce({{ opportunity_type }}, 'Unknown') as deal_type,
    coalesce(users.team, 'Unknown') as team
{%- endmacro %}

{% macro deal_segment_columns(opportunity_type, owner_user_id) -%}
    {{ segment_columns(opportunity_type) }},
    coalesce(users.label, {{ owner_user_id }}, 'Unknown') as owner_name,
    coalesce(main_products.product_name, 'Unknown') as product_name,
    coalesce(accounts.industry, 'Unknown') as industry
{%- endmacro %}

{#- Users with a label that tells them apart: the name, with the id where several share it. -#}
{% macro labelled_users(users) -%}
    select
        *,
        case
            when count(*) over (partition by name) > 1 then name || ' (' || user_id || ')'
            else name
        end as label
    from {{ users }}
{%- endmacro %}

{#- One row per deal with lines: the product that makes up most of its amount, so that products add
    up to the company. -#}
{% macro main_products(lines, products) -%}
    select
        ranked.opportunity_id,
        coalesce(products.name, ranked.product_id) as product_name
    from (
        select
            opportunity_id,
            product_id,
            row_number() over (
                partition by opportunity_id
                order by coalesce(sum(amount), 0) desc, product_id
            ) as preference
        from {{ lines }}
        group by opportunity_id, product_id
    ) as ranked
    left join {{ products }} as products on ranked.product_id = products.product_id
    where ranked.preference = 1
{%- endmacro %}

{% macro no_segment() -%}
    cast(null as {{ dbt.type_string() }})
{%- endmacro %}
