{#- fact → its intermediate model and what of it is visible -#}
{%- set facts = {
    'fct_opportunity': ('int_crm__opportunities', none),
    'fct_opportunity_event': (
        'int_crm__opportunity_changes',
        'recorded_at < ' ~ as_of_end() ~ ' and changed_at < ' ~ as_of_end()
    ),
    'fct_opportunity_line': ('int_crm__opportunity_lines', none),
    'fct_activity': ('int_activity__activities', 'recorded_at < ' ~ as_of_end()),
    'fct_email_event': ('int_marketing__email_events', 'recorded_at < ' ~ as_of_end()),
    'fct_touchpoint': ('int_marketing__touches', 'recorded_at < ' ~ as_of_end()),
    'fct_campaign_member': ('int_crm__campaign_members', none),
    'fct_quota': ('int_crm__quotas', none),
    'fct_fx_rate': ('int_finance__fx_rates', none),
} -%}

-- No row is lost or doubled between the canonical contract and its fact.
with

counts as (
    {% for fact, (input, condition) in facts.items() -%}
    select
        '{{ fact }}' as fact,
        (select count(*) from {{ ref(fact) }}) as fact_rows,
        (
            select count(*) from {{ ref(input) }}
            {%- if condition %}
            where {{ condition }}
            {%- endif %}
        ) as input_rows
    {% if not loop.last -%}
    union all
    {% endif -%}
    {% endfor %}
)

select * from counts
where fact_rows <> input_rows
