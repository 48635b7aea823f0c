{{ config(
    materialized='incremental',
    incremental_strategy=incremental_strategy(),
    unique_key='opportunity_id'
) }}

{#-
    There are three kinds of evidence, in the order of what they are worth; each field of each deal
    follows the best one that it has:

    1  states: the full state after each change
    2  field changes: the old and the new value; the first old value is the value at creation
    3  versions of the record: what one export says differently from the one before. A deal that
       was closed when it was first seen began in the first stage of its pipeline, and what closing
       settles (amount, close date, …) was not known before.

    A run reads the evidence of the deals that something new is known of, and builds these again.
-#}
{%- set state_fields = [
    'stage', 'amount_local', 'close_date', 'forecast_category', 'probability'
] -%}
{%- set fields = state_fields + ['owner_user_id', 'next_step', 'is_deleted'] -%}
{%- set text = dbt.type_string() -%}
{%- set loaded_until = watermark('load_id') -%}
{%- set recorded_until = watermark('recorded_at') -%}

with

staged_versions as (
    {{ union_systems('crm', object='opportunity_versions', columns=[
        'source_system', 'source_id', 'owner_user_source_id', 'source_pipeline', 'source_stage',
        'amount_local', 'close_date', 'forecast_category', 'probability', 'next_step',
        'is_deleted', 'closed_at', 'created_at', 'modified_at', 'load_id'
    ]) }}
),

staged_states as (
    {{ union_systems('opportunity_states', columns=[
        'source_system', 'source_id', 'opportunity_source_id', 'changed_by_user_source_id',
        'source_pipeline', 'source_stage', 'amount_local', 'close_date', 'forecast_category',
        'probability', 'is_deleted', 'changed_at', 'recorded_at', 'load_id'
    ]) }}
),

staged_field_changes as (
    {{ union_systems('opportunity_field_changes', columns=[
        'source_system', 'source_id', 'opportunity_source_id', 'changed_by_user_source_id',
        'field', 'old_value', 'new_value', 'is_deleted', 'changed_at', 'recorded_at', 'load_id'
    ]) }}
),

stages as (
    select * from {{ ref('int_crm__stages') }}
),

all_versions as (
    select
        *,
        {{ global_id('source_system', 'source_id') }} as opportunity_id,
        -- when a version that is closed was closed
        least(
            coalesce(closed_at, cast(close_date as timestamp), modified_at), modified_at
        ) as closing_at
    from staged_versions
),

all_states as (
    select
        *,
        {{ global_id('source_system', 'opportunity_source_id') }} as opportunity_id
    from staged_states
    where not is_deleted
),

all_field_changes as (
    select
        *,
        {{ global_id('source_system', 'opportunity_source_id') }} as opportunity_id
    from staged_field_changes
    where
        not is_deleted
        and field in (
            {%- for field in fields %}
            '{{ field }}'{{ "," if not loop.last }}
            {%- endfor %}
        )
),

{% if loaded_until is not none -%}
touched as (
    select opportunity_id
    from all_versions
    where
        load_id > {{ loaded_until }}
        or modified_at > {{ recorded_until }}
        or closing_at > {{ recorded_until }}
    union
    select opportunity_id
    from all_states
    where
        load_id > {{ loaded_until }}
        or recorded_at > {{ recorded_until }}
    union
    select opportunity_id
    from all_field_changes
    where
        load_id > {{ loaded_until }}
        or recorded_at > {{ recorded_until }}
),

{% endif -%}
touched_versions as (
    select * from all_versions
    {% if loaded_until is not none -%}
    where opportunity_id in (select touched.opportunity_id from touched)
    {%- endif %}
),

visible as (
    {{ visible_versions('touched_versions', key='opportunity_id') }}
),

opportunities as (
    select
        opportunity_id,
        min(source_pipeline) as source_pipeline,
        coalesce(min(created_at), min(modified_at)) as created_at
    from visible
    group by opportunity_id
),

fields as (
    {%- for field in fields %}
    {{ "union all " if not loop.first -}}
    select
        '{{ field }}' as field,
        {{ 'true' if field in state_fields else 'false' }} as is_state_field
    {%- endfor %}
),

-- 1: states
from_states as (
    select
        states.opportunity_id,
        fields.field,
        1 as evidence,
        false as is_start,
        states.changed_at as observed_at,
        states.recorded_at,
        case fields.field
            when 'stage' then stages.stage
            when 'amount_local' then cast(states.amount_local as {{ text }})
            when 'close_date' then cast(states.close_date as {{ text }})
            when 'forecast_category'
                then {{ canonical_forecast_category('states.forecast_category') }}
            when 'probability' then cast(states.probability as {{ text }})
        end as field_value,
        states.changed_by_user_source_id,
        false as is_inferred,
        states.source_system,
        states.source_id,
        states.load_id
    from all_states as states
    inner join opportunities
        on states.opportunity_id = opportunities.opportunity_id
    inner join fields
        on fields.is_state_field
    left join stages
        on
            states.source_system = stages.source_system
            and states.source_pipeline = stages.source_pipeline
            and lower(states.source_stage) = lower(stages.source_stage)
),

-- 2: field changes, and before the first of them the value at creation
numbered_changes as (
    select
        all_field_changes.*,
        opportunities.source_pipeline,
        opportunities.created_at,
        row_number() over (
            partition by all_field_changes.opportunity_id, all_field_changes.field
            order by
                all_field_changes.changed_at,
                all_field_changes.recorded_at,
                all_field_changes.source_id
        ) as change_number
    from all_field_changes
    inner join opportunities
        on all_field_changes.opportunity_id = opportunities.opportunity_id
    where all_field_changes.recorded_at < {{ as_of_end() }}
),

change_values as (
    select
        *,
        false as is_start,
        changed_at as observed_at,
        new_value as source_value
    from numbered_changes
    union all
    select
        *,
        true as is_start,
        created_at as observed_at,
        old_value as source_value
    from numbered_changes
    where change_number = 1
),

stage_changes as (
    select
        *,
        case when field = 'stage' then source_value end as stage_value
    from change_values
),

from_field_changes as (
    select
        changes.opportunity_id,
        changes.field,
        2 as evidence,
        changes.is_start,
        changes.observed_at,
        case when changes.is_start then changes.observed_at else changes.recorded_at end
            as recorded_at,
        case changes.field
            when 'stage' then stages.stage
            when 'amount_local'
                then cast(
                    {{ number_from_text('changes.source_value', 'decimal(18, 2)') }} as {{ text }}
                )
            when 'close_date'
                then cast({{ date_from_text('changes.source_value') }} as {{ text }})
            when 'forecast_category'
                then {{ canonical_forecast_category('changes.source_value') }}
            when 'probability'
                then cast(
                    {{ number_from_text('changes.source_value', 'decimal(9, 4)') }} as {{ text }}
                )
            when 'owner_user_id'
                then {{ global_id('changes.source_system', 'changes.source_value') }}
            when 'is_deleted' then lower(changes.source_value)
            else changes.source_value
        end as field_value,
        case when not changes.is_start then changes.changed_by_user_source_id end
            as changed_by_user_source_id,
        false as is_inferred,
        changes.source_system,
        changes.source_id,
        changes.load_id
    from stage_changes as changes
    left join stages
        on
            changes.source_system = stages.source_system
            and changes.source_pipeline = stages.source_pipeline
            and lower(changes.stage_value) = lower(stages.source_stage)
),

-- 3: versions, for the fields that have nothing better
recorded as (
    select * from from_states
    union all
    select * from from_field_changes
),

recorded_fields as (
    select distinct
        opportunity_id,
        field
    from recorded
    where
        recorded_at < {{ as_of_end() }}
        and observed_at < {{ as_of_end() }}
        and not (field = 'stage' and field_value is null)
),

first_stages as (
    select
        source_system,
        source_pipeline,
        stage,
        forecast_category,
        default_probability
    from (
        select
            *,
            row_number() over (
                partition by source_system, source_pipeline order by stage_order, source_stage
            ) as open_stage_number
        from stages
        where is_open
    ) as open_stages
    where open_stage_number = 1
),

mapped_versions as (
    select
        visible.*,
        opportunities.created_at as opportunity_created_at,
        stages.stage,
        stages.forecast_category as stage_forecast_category,
        stages.default_probability as stage_probability,
        coalesce(not stages.is_open, false) as is_closed
    from visible
    inner join opportunities
        on visible.opportunity_id = opportunities.opportunity_id
    left join stages
        on
            visible.source_system = stages.source_system
            and visible.source_pipeline = stages.source_pipeline
            and lower(visible.source_stage) = lower(stages.source_stage)
),

compared_versions as (
    select
        *,
        is_closed
        and not coalesce(
            lag(is_closed) over (partition by opportunity_id order by version_number), false
        ) as is_closing
    from mapped_versions
),

version_fields as (
    select
        versions.*,
        fields.field,
        versions.is_closing and fields.is_state_field as is_settled_by_closing
    from compared_versions as versions
    cross join fields
    left join recorded_fields
        on
            versions.opportunity_id = recorded_fields.opportunity_id
            and fields.field = recorded_fields.field
    where recorded_fields.opportunity_id is null
),

dated_versions as (
    select
        *,
        case
            when is_settled_by_closing then greatest(closing_at, opportunity_created_at)
            when version_number = 1 and field <> 'is_deleted' then opportunity_created_at
            else modified_at
        end as observed_at
    from version_fields
),

from_versions as (
    select
        opportunity_id,
        field,
        3 as evidence,
        false as is_start,
        observed_at,
        case when version_number = 1 then observed_at else modified_at end as recorded_at,
        case field
            when 'stage' then stage
            when 'amount_local' then cast(amount_local as {{ text }})
            when 'close_date' then cast(close_date as {{ text }})
            when 'forecast_category'
                then coalesce(
                    {{ canonical_forecast_category('forecast_category') }}, stage_forecast_category
                )
            when 'probability'
                then cast(coalesce(probability, stage_probability) as {{ text }})
            when 'owner_user_id' then {{ global_id('source_system', 'owner_user_source_id') }}
            when 'next_step' then next_step
            when 'is_deleted' then case when is_deleted then 'true' else 'false' end
        end as field_value,
        cast(null as {{ text }}) as changed_by_user_source_id,
        field <> 'is_deleted'
        and not (version_number = 1 and observed_at = modified_at) as is_inferred,
        source_system,
        source_id,
        load_id
    from dated_versions
),

from_first_versions as (
    select
        versions.opportunity_id,
        versions.field,
        3 as evidence,
        true as is_start,
        versions.opportunity_created_at as observed_at,
        versions.opportunity_created_at as recorded_at,
        case versions.field
            when 'stage' then first_stages.stage
            when 'forecast_category' then first_stages.forecast_category
            when 'probability' then cast(first_stages.default_probability as {{ text }})
            when 'is_deleted' then 'false'
        end as field_value,
        cast(null as {{ text }}) as changed_by_user_source_id,
        versions.field <> 'is_deleted' as is_inferred,
        versions.source_system,
        versions.source_id,
        versions.load_id
    from dated_versions as versions
    left join first_stages
        on
            versions.source_system = first_stages.source_system
            and versions.source_pipeline = first_stages.source_pipeline
    where
        versions.version_number = 1
        and (versions.is_settled_by_closing or versions.field = 'is_deleted')
),

observations as (
    select * from recorded
    union all
    select * from from_versions
    union all
    select * from from_first_versions
),

-- a stage that the mapping does not know says nothing
ranked as (
    select
        *,
        min(evidence) over (partition by opportunity_id, field) as best_evidence
    from observations
    where
        recorded_at < {{ as_of_end() }}
        and observed_at < {{ as_of_end() }}
        and not (field = 'stage' and field_value is null)
),

sequenced as (
    select
        ranked.*,
        opportunities.created_at,
        row_number() over (
            partition by ranked.opportunity_id, ranked.field
            order by
                ranked.is_start desc,
                ranked.observed_at asc,
                ranked.recorded_at asc,
                ranked.source_id asc
        ) as observation_number
    from ranked
    inner join opportunities
        on ranked.opportunity_id = opportunities.opportunity_id
    where ranked.evidence = ranked.best_evidence
),

-- the first value is the one at creation, and nothing changes before a deal exists
timed as (
    select
        *,
        case
            when observation_number = 1 then created_at
            else greatest(observed_at, created_at)
        end as changed_at,
        observation_number = 1 and observed_at <> created_at as is_moved
    from sequenced
),

-- of values at the same instant the last one counts
successions as (
    select
        *,
        lead(changed_at) over (
            partition by opportunity_id, field order by observation_number
        ) as next_changed_at
    from timed
),

compared as (
    select
        *,
        lag(field_value) over (
            partition by opportunity_id, field order by observation_number
        ) as old_value,
        lag(load_id) over (
            partition by opportunity_id, field order by observation_number
        ) as previous_load_id,
        row_number() over (
            partition by opportunity_id, field order by observation_number
        ) as value_number
    from successions
    where
        next_changed_at is null
        or next_changed_at > changed_at
),

final as (
    select
        opportunity_id || ':' || field || ':' || cast(changed_at as {{ text }}) as change_id,
        source_system,
        source_id,
        opportunity_id,
        field,
        old_value,
        field_value as new_value,
        changed_at,
        recorded_at,
        {{ global_id('source_system', 'changed_by_user_source_id') }} as changed_by_user_id,
        is_inferred or is_moved as is_inferred,
        -- the later of the two loads that the old and the new value come from
        greatest(load_id, coalesce(previous_load_id, load_id)) as load_id
    from compared
    where
        value_number = 1
        or field_value is distinct from old_value
)

select * from final
