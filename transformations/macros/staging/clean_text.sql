{#- What staging does to text before it is typed. Text that cannot be read as the wanted type gives
    null: rows that must not lose the value have been refused by the gate before. -#}

{#- Trimmed text; empty means missing. -#}
{% macro clean_text(expression) -%}
    nullif(trim({{ expression }}), '')
{%- endmacro %}


{#- A boolean from true/false, t/f, yes/no, y/n or 1/0 in any case. -#}
{% macro boolean_from_text(expression) -%}
    case
        when lower(trim({{ expression }})) in ('true', 't', 'yes', 'y', '1') then true
        when lower(trim({{ expression }})) in ('false', 'f', 'no', 'n', '0') then false
    end
{%- endmacro %}


{#- A date from ISO 8601 text. -#}
{% macro date_from_text(expression) -%}
    {{ try_cast_to('trim(' ~ expression ~ ')', 'date') }}
{%- endmacro %}


{#- A number from text such as 1200, 1,200, $1,200.50, 60% or EUR 1200. -#}
{% macro number_from_text(expression, data_type) -%}
    {{ try_cast_to(
        regexp_replace_all(expression, '[,$€£¥% ]|[A-Z]{3}', ''), data_type
    ) }}
{%- endmacro %}


{#- A whole number from text that may be a range: 201-500 and 201+ give 201, the lower bound. -#}
{% macro lower_bound_from_text(expression) -%}
    {{ try_cast_to(
        regexp_replace_all(regexp_replace_all(expression, '[, ]', ''), '[^0-9].*$', ''), 'bigint'
    ) }}
{%- endmacro %}
