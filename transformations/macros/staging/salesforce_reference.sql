{#- The id in a Salesforce reference that may point to several objects (WhoId, WhatId), if it is of
    the wanted one: the first three characters of an id say which object it is of. -#}
{% macro salesforce_reference(expression, object) -%}
    {%- set prefixes = {
        'Account': '001', 'Contact': '003', 'Lead': '00Q', 'Opportunity': '006'
    } -%}
    case when {{ expression }} like '{{ prefixes[object] }}%' then trim({{ expression }}) end
{%- endmacro %}
