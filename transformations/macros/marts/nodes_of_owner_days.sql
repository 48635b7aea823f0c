{#- The body of a CTE: the nodes that an owner's figures count for on a day, in both hierarchies:
    'stamped', the organisation as it was at the end of that day, and 'current', as it is now.

    owner_days   relation with user_id ('unassigned' for none) and date_day
    user_nodes   the rows of bridge_user_node -#}
{% macro nodes_of_owner_days(owner_days, user_nodes) -%}
    select
        {{ owner_days }}.user_id,
        {{ owner_days }}.date_day,
        'stamped' as hierarchy,
        {{ user_nodes }}.node_type,
        {{ user_nodes }}.node_id,
        {{ user_nodes }}.node_name
    from {{ owner_days }}
    inner join {{ user_nodes }}
        on
            {{ owner_days }}.user_id = {{ user_nodes }}.user_id
            and {{ holds_at(user_nodes, end_of_day(owner_days ~ '.date_day')) }}
    union all
    select
        {{ owner_days }}.user_id,
        {{ owner_days }}.date_day,
        'current' as hierarchy,
        {{ user_nodes }}.node_type,
        {{ user_nodes }}.node_id,
        {{ user_nodes }}.node_name
    from {{ owner_days }}
    inner join {{ user_nodes }}
        on
            {{ owner_days }}.user_id = {{ user_nodes }}.user_id
            and {{ user_nodes }}.is_current
{%- endmacro %}
