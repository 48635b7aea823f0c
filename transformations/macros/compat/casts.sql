{#- Casts that differ between engines. A text that doesn't parse gives null. -#}

{% macro try_cast_to(expression, data_type) -%}
    {{ return(adapter.dispatch('try_cast_to')(expression, data_type)) }}
{%- endmacro %}

{% macro default__try_cast_to(expression, data_type) -%}
    try_cast({{ expression }} as {{ data_type }})
{%- endmacro %}


{#- ISO 8601 text with any offset (none means UTC) to a timestamp in UTC. -#}
{% macro utc_timestamp(expression) -%}
    {{ return(adapter.dispatch('utc_timestamp')(expression)) }}
{%- endmacro %}

{% macro default__utc_timestamp(expression) -%}
    (try_cast({{ expression }} as timestamp with time zone) at time zone 'UTC')
{%- endmacro %}

{% macro spark__utc_timestamp(expression) -%}
    to_utc_timestamp(try_cast({{ expression }} as timestamp), 'UTC')
{%- endmacro %}


{#- Text of milliseconds since 1970 to a timestamp in UTC. -#}
{% macro epoch_millis_timestamp(expression) -%}
    {{ return(adapter.dispatch('epoch_millis_timestamp')(expression)) }}
{%- endmacro %}

{% macro default__epoch_millis_timestamp(expression) -%}
    make_timestamp(try_cast({{ expression }} as bigint) * 1000)
{%- endmacro %}

{% macro spark__epoch_millis_timestamp(expression) -%}
    timestamp_millis(try_cast({{ expression }} as bigint))
{%- endmacro %}
