{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key='opportunity_id'
    )
}}

{%- set types = replayed_fields() -%}
{%- set fields = types.keys() | reject('equalto', 'next_step') | list -%}

with

all_opportunities as (
    select
        opportunity_id,
        source_system,
        source_id,
        account_id,
        currency_code,
        cast(created_at as date) as created_date
    from {{ ref('int_crm__opportunities') }}
),

all_events as (
    select * from {{ ref('fct_opportunity_event') }}
    where field <> 'next_step'
),

histories as (
    {{ event_histories('all_events') }}
),

stages as (
    select * from {{ ref('canonical_stages') }}
),

fx_rates as (
    select * from {{ ref('fct_fx_rate') }}
),

dates as (
    select date_day from {{ ref('dim_date') }}
    where date_day <= {{ as_of_date() }}
),

{% if is_incremental() -%}
stored_days as (
    select * from {{ this }}
),

stored_opportunities as (
    select
        opportunity_id,
        account_id,
        currency_code,
        event_count,
        load_id,
        recorded_at,
        max(date_day) as last_day,
        max(case when is_open then date_day end) as last_open_day
    from stored_days
    group by
        opportunity_id,
        account_id,
        currency_code,
        event_count,
        load_id,
        recorded_at
),

stored_rates as (
    select distinct
        currency_code,
        fx_rate_date,
        fx_rate
    from stored_days
),

outdated_rates as (
    select
        stored_rates.currency_code,
        stored_rates.fx_rate_date
    from stored_rates
    left join fx_rates
        on {{ fx_rate_on('fx_rates', 'stored_rates.currency_code', 'stored_rates.fx_rate_date') }}
    where stored_rates.fx_rate is distinct from fx_rates.rate_to_corporate
),

-- a deal is built again as a whole: when something about it is new, when the clock has moved on
-- while it was open, and when its account or a rate that it was converted at has changed since
touched as (
    select all_opportunities.opportunity_id
    from all_opportunities
    inner join histories
        on all_opportunities.opportunity_id = histories.opportunity_id
    left join stored_opportunities
        on
            {{ is_same_history('histories', 'stored_opportunities') }}
            and all_opportunities.account_id is not distinct from stored_opportunities.account_id
            and all_opportunities.currency_code
            is not distinct from stored_opportunities.currency_code
    where stored_opportunities.opportunity_id is null
    union
    select opportunity_id
    from stored_opportunities
    where
        last_open_day = last_day
        and last_open_day <> {{ as_of_date() }}
    union
    select stored_days.opportunity_id
    from stored_days
    inner join outdated_rates
        on
            stored_days.currency_code = outdated_rates.currency_code
            and stored_days.fx_rate_date = outdated_rates.fx_rate_date
),
{%- endif %}

opportunities as (
    select * from all_opportunities
    {% if is_incremental() -%}
    where opportunity_id in (select touched.opportunity_id from touched)
    {%- endif %}
),

events as (
    select
        all_events.*,
        opportunities.created_date,
        -- what was changed before the record existed is how the record began
        greatest(all_events.changed_date, opportunities.created_date) as effective_date,
        coalesce(all_events.field = 'stage' and stages.is_open, false) as is_entry_into_open_stage
    from all_events
    inner join opportunities
        on all_events.opportunity_id = opportunities.opportunity_id
    left join stages
        on all_events.new_value = stages.stage
),

ordered_events as (
    select
        *,
        row_number() over (
            partition by opportunity_id, effective_date, field
            order by {{ event_order(descending=true) }}
        ) as recency
    from events
),

-- the last word of each day that had a change, field by field
changed_days as (
    select
        opportunity_id,
        created_date,
        effective_date,
        {% for field in fields -%}
        max(case when recency = 1 and field = '{{ field }}' then new_value end) as {{ field }},
        max(case when field = '{{ field }}' then 1 else 0 end) as has_{{ field }},
        {% endfor -%}
        max(case when is_entry_into_open_stage then 1 else 0 end) as has_entry_into_open_stage
    from ordered_events
    group by
        opportunity_id,
        created_date,
        effective_date
),

numbered_days as (
    select
        *,
        {% for field in fields -%}
        sum(has_{{ field }}) over (
            partition by opportunity_id
            order by effective_date
            rows between unbounded preceding and current row
        ) as {{ field }}_number,
        {% endfor -%}
        lead(effective_date) over (
            partition by opportunity_id
            order by effective_date
        ) as next_effective_date,
        row_number() over (
            partition by opportunity_id
            order by effective_date
        ) as period_number
    from changed_days
),

-- a field keeps its value until the next day that changes it
carried as (
    select
        opportunity_id,
        period_number,
        case when period_number = 1 then created_date else effective_date end as first_day,
        next_effective_date,
        {% for field in fields -%}
        cast(
            max({{ field }}) over (partition by opportunity_id, {{ field }}_number)
            as {{ types[field] }}
        ) as {{ field }},
        {% endfor -%}
        has_entry_into_open_stage
    from numbered_days
),

periods as (
    select
        carried.*,
        stages.stage_order,
        coalesce(carried.is_deleted, false) as is_deleted_at_end,
        coalesce(stages.is_open, false) and not coalesce(carried.is_deleted, false) as is_open,
        coalesce(stages.is_won, false) and not coalesce(carried.is_deleted, false) as is_won,
        coalesce(stages.is_lost, false) and not coalesce(carried.is_deleted, false) as is_lost
    from carried
    left join stages
        on carried.stage = stages.stage
),

sequenced as (
    select
        *,
        lag(is_open) over (
            partition by opportunity_id
            order by period_number
        ) as was_open,
        lag(is_won) over (
            partition by opportunity_id
            order by period_number
        ) as was_won,
        lag(is_lost) over (
            partition by opportunity_id
            order by period_number
        ) as was_lost
    from periods
),

-- open periods in full; of the others only the day on which the deal left the pipeline, also when
-- it came and went within that day, and the day on which a closed deal changed its outcome
snapshot_periods as (
    select
        *,
        case
            when is_open
                then coalesce(
                    cast({{ dbt.dateadd('day', -1, 'next_effective_date') }} as date),
                    {{ as_of_date() }}
                )
            else first_day
        end as last_day
    from sequenced
    where
        is_open
        or coalesce(was_open, true)
        or has_entry_into_open_stage = 1
        or (is_won and was_lost)
        or (is_lost and was_won)
),

days as (
    select
        snapshot_periods.*,
        dates.date_day
    from snapshot_periods
    inner join dates
        on dates.date_day between snapshot_periods.first_day and snapshot_periods.last_day
),

described as (
    select
        days.*,
        opportunities.source_system,
        opportunities.source_id,
        opportunities.account_id,
        opportunities.currency_code,
        case
            when days.is_open then days.date_day
            else coalesce(days.close_date, days.date_day)
        end as fx_rate_date,
        histories.event_count,
        histories.load_id,
        histories.recorded_at
    from days
    inner join opportunities
        on days.opportunity_id = opportunities.opportunity_id
    inner join histories
        on days.opportunity_id = histories.opportunity_id
),

rate_dates as (
    select distinct
        currency_code,
        fx_rate_date
    from described
),

dated_rates as (
    select
        rate_dates.currency_code,
        rate_dates.fx_rate_date,
        fx_rates.rate_to_corporate
    from rate_dates
    inner join fx_rates
        on {{ fx_rate_on('fx_rates', 'rate_dates.currency_code', 'rate_dates.fx_rate_date') }}
),

final as (
    select
        described.opportunity_id,
        described.date_day,
        described.source_system,
        described.source_id,
        described.account_id,
        described.owner_user_id,
        described.stage,
        cast(described.stage_order as integer) as stage_order,
        described.forecast_category,
        described.probability,
        described.close_date,
        described.currency_code,
        described.amount_local,
        described.fx_rate_date,
        dated_rates.rate_to_corporate as fx_rate,
        {{ converted('described.amount_local', 'dated_rates.rate_to_corporate') }} as amount,
        described.is_open,
        described.is_won,
        described.is_lost,
        described.is_deleted_at_end as is_deleted,
        described.event_count,
        described.load_id,
        described.recorded_at
    from described
    left join dated_rates
        on
            described.currency_code = dated_rates.currency_code
            and described.fx_rate_date = dated_rates.fx_rate_date
)

select * from final
