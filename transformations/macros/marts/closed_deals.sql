{#-
    Closed deals as they were known on any day, as CTEs that end in `closed_deals`: one row per deal
    and spell in which nothing about its outcome changed. A spell begins with the close, or with a
    correction of the amount, close date or owner of a closed deal, and ends (until_date, exclusive)
    with the next one, when the deal is re-opened, or when it is deleted; null while it holds.

    The model provides the CTEs `daily` (fct_opportunity_daily), `events` (fct_opportunity_event)
    and `fx_rates` (fct_fx_rate). Amounts are at the rate of the close date.
-#}
{% macro closed_deals() -%}
    {%- set types = replayed_fields() -%}
    {%- set fields = ['amount_local', 'close_date', 'owner_user_id', 'is_deleted'] -%}
    followed_days as (
        select
            *,
            lead(date_day) over (
                partition by opportunity_id
                order by date_day
            ) as next_day
        from daily
    ),

    closings as (
        select * from followed_days
        where is_won or is_lost
    ),

    corrections as (
        select
            events.opportunity_id,
            closings.date_day as closed_date,
            events.changed_date,
            events.field,
            events.new_value,
            events.changed_at,
            events.recorded_at,
            events.change_id
        from closings
        inner join events
            on
                closings.opportunity_id = events.opportunity_id
                and closings.date_day < events.changed_date
                and (closings.next_day is null or closings.next_day > events.changed_date)
        where
            events.field in (
                {%- for field in fields %}'{{ field }}'{{ ", " if not loop.last }}{% endfor -%}
            )
    ),

    ordered_corrections as (
        select
            *,
            row_number() over (
                partition by opportunity_id, closed_date, changed_date, field
                order by {{ event_order(descending=true) }}
            ) as recency
        from corrections
    ),

    outcome_changes as (
        select
            opportunity_id,
            date_day as closed_date,
            date_day as from_date,
            {% for field in fields -%}
            cast({{ field }} as {{ dbt.type_string() }}) as {{ field }},
            1 as has_{{ field }}{{ "," if not loop.last }}
            {% endfor %}
        from closings
        union all
        select
            opportunity_id,
            closed_date,
            changed_date as from_date,
            {% for field in fields -%}
            max(case when field = '{{ field }}' then new_value end) as {{ field }},
            max(case when field = '{{ field }}' then 1 else 0 end) as has_{{ field }}
            {{- "," if not loop.last }}
            {% endfor %}
        from ordered_corrections
        where recency = 1
        group by
            opportunity_id,
            closed_date,
            changed_date
    ),

    numbered_changes as (
        select
            *,
            {% for field in fields -%}
            sum(has_{{ field }}) over (
                partition by opportunity_id, closed_date
                order by from_date
                rows between unbounded preceding and current row
            ) as {{ field }}_number,
            {% endfor -%}
            lead(from_date) over (
                partition by opportunity_id, closed_date
                order by from_date
            ) as next_from_date
        from outcome_changes
    ),

    carried_outcomes as (
        select
            opportunity_id,
            closed_date,
            from_date,
            {% for field in fields -%}
            cast(
                max({{ field }}) over (
                    partition by opportunity_id, closed_date, {{ field }}_number
                ) as {{ types[field] }}
            ) as {{ field }},
            {% endfor -%}
            next_from_date
        from numbered_changes
    ),

    closed_deals as (
        select
            carried_outcomes.opportunity_id,
            carried_outcomes.closed_date,
            carried_outcomes.from_date,
            coalesce(carried_outcomes.next_from_date, closings.next_day) as until_date,
            closings.is_won,
            closings.is_lost,
            closings.stage,
            closings.stage_order,
            carried_outcomes.owner_user_id,
            coalesce(carried_outcomes.close_date, carried_outcomes.closed_date) as close_date,
            closings.currency_code,
            carried_outcomes.amount_local,
            {{ converted('carried_outcomes.amount_local', 'fx_rates.rate_to_corporate') }}
                as amount
        from carried_outcomes
        inner join closings
            on
                carried_outcomes.opportunity_id = closings.opportunity_id
                and carried_outcomes.closed_date = closings.date_day
        left join fx_rates
            on
                {{ fx_rate_on(
                    'fx_rates',
                    'closings.currency_code',
                    'coalesce(carried_outcomes.close_date, carried_outcomes.closed_date)'
                ) }}
        where not coalesce(carried_outcomes.is_deleted, false)
    )
{%- endmacro %}
