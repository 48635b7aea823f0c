{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key='opportunity_id'
    )
}}

with

changes as (
    select
        change_id,
        opportunity_id,
        source_system,
        source_id,
        field,
        old_value,
        new_value,
        changed_at,
        greatest(recorded_at, changed_at) as recorded_at,
        changed_by_user_id,
        is_inferred,
        load_id
    from {{ ref('int_crm__opportunity_changes') }}
),

visible as (
    select * from changes
    where recorded_at < {{ as_of_end() }}
),

{% if is_incremental() -%}
histories as (
    {{ event_histories('visible') }}
),

stored_histories as (
    {{ event_histories(this) }}
),

touched as (
    select histories.opportunity_id
    from histories
    left join stored_histories
        on {{ is_same_history('histories', 'stored_histories') }}
    where stored_histories.opportunity_id is null
),
{%- endif %}

final as (
    select
        change_id,
        opportunity_id,
        source_system,
        source_id,
        field,
        old_value,
        new_value,
        changed_at,
        cast(changed_at as date) as changed_date,
        recorded_at,
        changed_by_user_id,
        is_inferred,
        load_id
    from visible
    {% if is_incremental() -%}
    where opportunity_id in (select touched.opportunity_id from touched)
    {%- endif %}
)

select * from final
