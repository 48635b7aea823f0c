{#- JSON kept as text. A text that isn't JSON, or a path that isn't there, gives null. -#}

{#- The text at a dotted path of keys, e.g. json_text('properties', 'email'). -#}
{% macro json_text(expression, path) -%}
    {{ return(adapter.dispatch('json_text')(expression, path)) }}
{%- endmacro %}

{% macro default__json_text(expression, path) -%}
    json_extract_string(try_cast({{ expression }} as json), '$.{{ path }}')
{%- endmacro %}

{% macro spark__json_text(expression, path) -%}
    get_json_object({{ expression }}, '$.{{ path }}')
{%- endmacro %}


{#- A select over `relation` with one row per element of the JSON array in `array_column`: the
    columns of `keep`, element_number (from 1) and element_json (text). -#}
{% macro unnest_json_array(relation, array_column, keep) -%}
    {{ return(adapter.dispatch('unnest_json_array')(relation, array_column, keep)) }}
{%- endmacro %}

{% macro default__unnest_json_array(relation, array_column, keep) -%}
    select
        {{ keep | join(', ') }},
        row_number() over (partition by {{ keep[0] }} order by element_position) as element_number,
        element_json
    from (
        select
            {{ keep | join(', ') }},
            unnest(cast(json_extract(try_cast({{ array_column }} as json), '$[*]') as varchar[]))
                as element_json,
            unnest(
                generate_series(
                    1, cast(json_array_length(try_cast({{ array_column }} as json)) as bigint)
                )
            ) as element_position
        from {{ relation }}
    ) as elements
{%- endmacro %}

{% macro spark__unnest_json_array(relation, array_column, keep) -%}
    select
        {{ keep | join(', ') }},
        element_position + 1 as element_number,
        to_json(element_value) as element_json
    from {{ relation }}
    lateral view posexplode(
        from_json({{ array_column }}, 'array<map<string,string>>')
    ) as element_position, element_value
{%- endmacro %}
