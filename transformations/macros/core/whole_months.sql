{#- Whole months from one date to another: 31 January to 28 February is none, to 31 March two.
    Negative where the second date is the earlier one. -#}
{% macro whole_months(first_date, last_date) -%}
    (
        {{ dbt.datediff(first_date, last_date, 'month') }}
        - case
            when extract(day from {{ last_date }}) < extract(day from {{ first_date }}) then 1
            else 0
        end
    )
{%- endmacro %}

{#- The join of a row to the ramp schedule: role and hire of the user at the beginning of a period.
    Who was hired within the period, or is about to be, is in the first month. -#}
{% macro ramp_at(schedule, role, hired_on, period_start) -%}
    {{ role }} = {{ schedule }}.role
    and greatest({{ whole_months(hired_on, period_start) }}, 0) = {{ schedule }}.months_since_hire
{%- endmacro %}
