{#-
    Business time between two instants as a difference, never as a loop over days. dim_business_day
    says, for each region and day, how many business seconds lie before the day; an instant's place
    on the region's business clock is that plus what of the day's opening hours is over. So:

        left join {{ ref('dim_business_day') }} as created_days
            on {{ on_business_day('created_days', 'leads.region', 'leads.time_zone', 'leads.created_at') }}
        left join {{ ref('dim_business_day') }} as answered_days
            on {{ on_business_day('answered_days', 'leads.region', 'leads.time_zone', 'answered_at') }}
        ...
        {{ business_minutes_between('created_days', 'leads.created_at', 'answered_days', 'answered_at') }}

    `region` must be one of the seed business_hours (Unknown for the rest) and `time_zone` its zone.
    An instant that is null, or lies outside the calendar, gives null.
-#}

{#- The region's day that an instant falls on, by the region's wall clock. -#}
{% macro on_business_day(days, region, time_zone, instant) -%}
    {{ region }} = {{ days }}.region
    and cast({{ local_timestamp(instant, time_zone) }} as date) = {{ days }}.date_day
{%- endmacro %}

{#- The place of an instant on the business clock, in seconds; only differences mean anything. -#}
{% macro business_seconds_at(days, instant) -%}
    (
        {{ days }}.business_seconds_before
        + case
            when not {{ days }}.is_business_day or {{ instant }} <= {{ days }}.opens_at then 0
            when {{ instant }} >= {{ days }}.closes_at then {{ days }}.business_seconds
            else {{ dbt.datediff(days ~ '.opens_at', instant, 'second') }}
        end
        + case when {{ instant }} is null then null else 0 end
    )
{%- endmacro %}

{#- Business minutes from one instant to another as decimal(18, 2); negative if the second is the
    earlier one. -#}
{% macro business_minutes_between(start_days, start_at, end_days, end_at) -%}
    cast(
        (
            {{ business_seconds_at(end_days, end_at) }}
            - {{ business_seconds_at(start_days, start_at) }}
        ) / 60.0 as decimal(18, 2)
    )
{%- endmacro %}

{#- Business days from one day to another, by the days' rows: those after the first up to and
    including the second. -#}
{% macro business_days_between(start_days, end_days) -%}
    ({{ end_days }}.business_day_number - {{ start_days }}.business_day_number)
{%- endmacro %}
