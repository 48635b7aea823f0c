{#-
    How the company is cut in the marts.

    `segment_types()` is the body of a CTE with one row per cut, to be cross joined under the
    alias segment_types; `segment()` is the part of that cut that a row belongs to. The row must
    carry the columns account_segment, region, sales_region, deal_type and team; null
    (`no_segment()`) means that the cut does not apply to it. `also` names further cuts, each a
    column of the row by that name. `segment_columns(opportunity_type)` gives the columns for a
    deal that was left joined with the current accounts and users under those aliases.
-#}
{% macro segment_types(also=[]) -%}
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

{% macro segment(also=[]) -%}
    case segment_types.segment_type
        when 'company' then 'All'
        when 'segment' then account_segment
        when 'region' then region
        when 'sales_region' then sales_region
        when 'opportunity_type' then deal_type
        when 'team' then team
        {%- for segment_type in also %}
        when '{{ segment_type }}' then {{ segment_type }}
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

{% macro no_segment() -%}
    cast(null as {{ dbt.type_string() }})
{%- endmacro %}
