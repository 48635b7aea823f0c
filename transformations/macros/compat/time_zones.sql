{#- Wall clocks. Timestamps are in UTC without saying so; a time zone is an IANA name. Summer time is
    the engine's business: it knows when each zone began and ended it. -#}

{#- What the clock on the wall shows in a time zone at an instant. -#}
{% macro local_timestamp(utc_timestamp, time_zone) -%}
    {{ return(adapter.dispatch('local_timestamp')(utc_timestamp, time_zone)) }}
{%- endmacro %}

{% macro default__local_timestamp(utc_timestamp, time_zone) -%}
    (({{ utc_timestamp }} at time zone 'UTC') at time zone {{ time_zone }})
{%- endmacro %}

{% macro spark__local_timestamp(utc_timestamp, time_zone) -%}
    from_utc_timestamp({{ utc_timestamp }}, {{ time_zone }})
{%- endmacro %}


{#- The instant at which the clock on the wall of a time zone shows a time. -#}
{% macro instant_of_local(local_timestamp, time_zone) -%}
    {{ return(adapter.dispatch('instant_of_local')(local_timestamp, time_zone)) }}
{%- endmacro %}

{% macro default__instant_of_local(local_timestamp, time_zone) -%}
    (({{ local_timestamp }} at time zone {{ time_zone }}) at time zone 'UTC')
{%- endmacro %}

{% macro spark__instant_of_local(local_timestamp, time_zone) -%}
    to_utc_timestamp({{ local_timestamp }}, {{ time_zone }})
{%- endmacro %}
