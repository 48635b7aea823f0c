{#- An e-mail address in lower case; a malformed one gives null. -#}
{% macro clean_email(expression) -%}
    case when {{ is_email_valid(expression) }} then lower(trim({{ expression }})) end
{%- endmacro %}


{#- Whether the text is a well-formed e-mail address; null where there is none. -#}
{% macro is_email_valid(expression) -%}
    {{ regexp_like(
        'lower(' ~ clean_text(expression) ~ ')',
        '^[a-z0-9._%+-]+@[a-z0-9-]+([.][a-z0-9-]+)*[.][a-z]{2,}$'
    ) }}
{%- endmacro %}
