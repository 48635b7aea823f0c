{#- What a person is known by: a lead from the first day to the last, else a contact. -#}
{%- set columns = [
    'person_id', 'track', 'track_order', 'source_system', 'source_id', 'status_system', 'status', 'signalled_at',
    'recorded_at', 'load_id'
] -%}

with

lead_versions as (
    select
        *,
        min(case when is_converted then modified_at end) over (
            partition by lead_id
        ) as first_converted_version_at
    from {{ ref('int_crm__lead_versions') }}
),

leads as (
    select * from {{ ref('dim_lead') }}
    where
        is_current
        and not is_inferred
),

contacts as (
    select * from {{ ref('dim_contact') }}
    where
        is_current
        and not is_inferred
),

profiles as (
    select * from {{ ref('int_marketing__lifecycle_states') }}
),

opportunities as (
    select * from {{ ref('fct_opportunity') }}
    where not is_deleted
),

opportunity_events as (
    select * from {{ ref('fct_opportunity_event') }}
),

spans as (
    select * from {{ ref('fct_opportunity_stage_span') }}
),

opportunity_contacts as (
    select * from {{ ref('int_crm__opportunity_contacts') }}
),

survivors as (
    select * from {{ ref('int_crm__account_survivors') }}
),

stages as (
    select * from {{ ref('canonical_lifecycle_stages') }}
),

statuses as (
    select * from {{ ref('lifecycle_stages') }}
),

-- of several leads that became one contact, the first one stands for it
contact_leads as (
    select
        converted_contact_id as contact_id,
        lead_id
    from (
        select
            converted_contact_id,
            lead_id,
            row_number() over (
                partition by converted_contact_id
                order by created_at, lead_id
            ) as choice
        from leads
        where converted_contact_id is not null
    ) as converted_leads
    where choice = 1
),

lead_creations as (
    select
        lead_id as person_id,
        'created' as track,
        1 as track_order,
        source_system,
        source_id,
        'lifecycle' as status_system,
        'Lead' as status,
        min(coalesce(created_at, modified_at)) as signalled_at,
        min(coalesce(created_at, modified_at)) as recorded_at,
        min(load_id) as load_id
    from lead_versions
    group by lead_id, source_system, source_id
),

-- a conversion counts whatever the status is called; of one that was recorded on a later day than
-- it took place, only the day is known
lead_statuses as (
    select
        lead_id as person_id,
        'lead' as track,
        2 as track_order,
        source_system,
        source_id,
        case when is_converted then 'lifecycle' else source_system end as status_system,
        case when is_converted then 'SQL' else status end as status,
        case
            when
                modified_at = first_converted_version_at
                and cast(converted_at as date) < cast(modified_at as date)
                then greatest(converted_at, coalesce(created_at, converted_at))
            else modified_at
        end as signalled_at,
        modified_at as recorded_at,
        load_id
    from lead_versions
    where
        not is_deleted
        and modified_at < {{ as_of_end() }}
),

profile_statuses as (
    select
        coalesce(profiles.lead_id, contact_leads.lead_id, profiles.contact_id) as person_id,
        profiles.profile_id as track,
        4 as track_order,
        profiles.source_system,
        profiles.source_id,
        profiles.source_system as status_system,
        profiles.lifecycle_stage as status,
        profiles.modified_at as signalled_at,
        profiles.modified_at as recorded_at,
        profiles.load_id
    from profiles
    left join contact_leads
        on profiles.contact_id = contact_leads.contact_id
    where profiles.modified_at < {{ as_of_end() }}
),

lead_deals as (
    select
        opportunities.opportunity_id,
        leads.lead_id as person_id
    from opportunities
    inner join leads
        on opportunities.opportunity_id = leads.converted_opportunity_id
),

-- of a first deal that no lead was converted to, the primary contact is the person
contact_deals as (
    select distinct
        opportunities.opportunity_id,
        coalesce(contact_leads.lead_id, opportunity_contacts.contact_id) as person_id
    from opportunities
    inner join opportunity_contacts
        on opportunities.opportunity_id = opportunity_contacts.opportunity_id
    inner join contacts
        on opportunity_contacts.contact_id = contacts.contact_id
    left join contact_leads
        on opportunity_contacts.contact_id = contact_leads.contact_id
    left join lead_deals
        on opportunities.opportunity_id = lead_deals.opportunity_id
    where
        opportunities.opportunity_type = 'new'
        and opportunity_contacts.is_primary
        and not opportunity_contacts.is_deleted
        and lead_deals.opportunity_id is null
),

deals as (
    select * from lead_deals
    union all
    select * from contact_deals
),

stage_recordings as (
    select
        opportunity_id,
        new_value as stage,
        changed_at,
        min(recorded_at) as recorded_at
    from opportunity_events
    where field = 'stage'
    group by opportunity_id, new_value, changed_at
),

deal_spans as (
    select
        deals.person_id,
        spans.*
    from deals
    inner join spans
        on deals.opportunity_id = spans.opportunity_id
),

-- who loses one deal while another is open or won is not lost
deal_statuses as (
    select
        deal_spans.person_id,
        deal_spans.opportunity_id as track,
        3 as track_order,
        deal_spans.source_system,
        deal_spans.source_id,
        'opportunity' as status_system,
        deal_spans.stage as status,
        deal_spans.entered_at as signalled_at,
        coalesce(stage_recordings.recorded_at, deal_spans.entered_at) as recorded_at,
        deal_spans.load_id
    from deal_spans
    left join stage_recordings
        on
            deal_spans.opportunity_id = stage_recordings.opportunity_id
            and deal_spans.stage = stage_recordings.stage
            and deal_spans.entered_at = stage_recordings.changed_at
    where
        deal_spans.stage <> 'Closed Lost'
        or not exists (
            select 1
            from deal_spans as others
            where
                deal_spans.person_id = others.person_id
                and deal_spans.opportunity_id <> others.opportunity_id
                and others.stage <> 'Closed Lost'
                and deal_spans.entered_at >= others.entered_at
                and (deal_spans.entered_at < others.exited_at or others.exited_at is null)
        )
),

signals as (
    {%- for relation in ['lead_creations', 'lead_statuses', 'profile_statuses', 'deal_statuses'] %}
    {{ "union all" if not loop.first }}
    select
        {{ columns | join(',\n        ') }}
    from {{ relation }}
    {%- endfor %}
),

status_meanings as (
    select
        source_system as status_system,
        source_status as status,
        stage
    from statuses
    where source_system <> 'any'
    union all
    select
        'lifecycle' as status_system,
        lower(stage) as status,
        stage
    from stages
),

any_meanings as (
    select
        source_status as status,
        stage
    from statuses
    where source_system = 'any'
),

-- nothing happens to a person before it is known
staged as (
    select
        signals.*,
        greatest(
            signals.signalled_at, coalesce(lead_creations.signalled_at, signals.signalled_at)
        ) as entered_at,
        coalesce(status_meanings.stage, any_meanings.stage) as stage
    from signals
    left join lead_creations
        on signals.person_id = lead_creations.person_id
    left join status_meanings
        on
            signals.status_system = status_meanings.status_system
            and lower(signals.status) = status_meanings.status
    left join any_meanings
        on
            status_meanings.stage is null
            and lower(signals.status) = any_meanings.status
    where signals.person_id is not null
),

-- what a record says moves the person only where it differs from what the same record said before
said_before as (
    select
        staged.*,
        stages.stage_order,
        stages.is_exit,
        case when not stages.is_exit then stages.stage_order end as active_order,
        lag(staged.stage) over (
            partition by staged.person_id, staged.track
            order by staged.entered_at, staged.recorded_at, stages.stage_order
        ) as stage_said_before
    from staged
    inner join stages
        on staged.stage = stages.stage
),

moves as (
    select
        said_before.*,
        not said_before.is_exit
        and not earlier.is_exit
        and said_before.stage_order < earlier.stage_order as is_backward,
        row_number() over (
            partition by said_before.person_id
            order by
                said_before.entered_at,
                said_before.is_exit,
                said_before.stage_order,
                said_before.track_order,
                said_before.recorded_at,
                said_before.track
        ) as move_number
    from said_before
    left join stages as earlier
        on said_before.stage_said_before = earlier.stage
    where said_before.stage_said_before is distinct from said_before.stage
),

-- an exit, or a record that goes back on what it said, ends a pass; within one the person advances
passes as (
    select
        *,
        sum(case when is_exit or coalesce(is_backward, false) then 1 else 0 end) over (
            partition by person_id
            order by move_number
            rows between unbounded preceding and current row
        ) as pass
    from moves
),

levels as (
    select
        *,
        max(active_order) over (
            partition by person_id, pass
            order by move_number
            rows between unbounded preceding and 1 preceding
        ) as level_in_pass,
        max(active_order) over (
            partition by person_id, pass
            order by move_number
            rows between unbounded preceding and current row
        ) as level_after
    from passes
),

leveled as (
    select
        *,
        lag(level_after) over (
            partition by person_id
            order by move_number
        ) as level_before
    from levels
),

-- a record that only now says what another one has said already confirms it and moves nobody
accepted as (
    select *
    from leveled
    where
        is_exit
        or (is_backward and stage_order < level_before)
        or (
            not coalesce(is_backward, false)
            and stage_order > coalesce(level_in_pass, 0)
        )
),

followed as (
    select
        *,
        lag(stage) over (
            partition by person_id
            order by move_number
        ) as stage_before
    from accepted
),

entries as (
    select
        *,
        row_number() over (
            partition by person_id
            order by move_number
        ) as event_number,
        row_number() over (
            partition by person_id, stage
            order by move_number
        ) as visit_number,
        lag(stage) over (
            partition by person_id
            order by move_number
        ) as previous_stage,
        lead(stage) over (
            partition by person_id
            order by move_number
        ) as next_stage,
        lead(entered_at) over (
            partition by person_id
            order by move_number
        ) as next_entered_at
    from followed
    where
        stage_before is null
        or stage_before <> stage
),

deletions as (
    select
        lead_id as person_id,
        valid_from as deleted_at
    from leads
    where is_deleted
),

final as (
    select
        {{ dbt.hash(
            "entries.person_id || '|' || cast(entries.event_number as "
            ~ dbt.type_string() ~ ")"
        ) }} as lifecycle_event_id,
        entries.source_system,
        entries.source_id,
        entries.person_id,
        leads.lead_id,
        coalesce(contacts.contact_id, leads.converted_contact_id) as contact_id,
        coalesce(
            survivors.surviving_account_id, leads.converted_account_id, contacts.account_id
        ) as account_id,
        cast(entries.event_number as integer) as event_number,
        entries.stage,
        cast(entries.stage_order as integer) as stage_order,
        cast(entries.visit_number as integer) as visit_number,
        entries.previous_stage,
        entries.next_stage,
        entries.entered_at,
        coalesce(
            entries.next_entered_at,
            case
                when deletions.deleted_at is not null
                    then greatest(deletions.deleted_at, entries.entered_at)
            end
        ) as exited_at,
        entries.next_entered_at is null as is_current,
        entries.is_exit,
        stages.is_recycle,
        not entries.is_exit and coalesce(previous_stages.is_exit, false) as is_return,
        coalesce(entries.is_backward, false) as is_regression,
        greatest(entries.recorded_at, entries.entered_at) as recorded_at,
        entries.load_id
    from entries
    inner join stages
        on entries.stage = stages.stage
    left join stages as previous_stages
        on entries.previous_stage = previous_stages.stage
    left join leads
        on entries.person_id = leads.lead_id
    left join contacts
        on entries.person_id = contacts.contact_id
    left join survivors
        on coalesce(leads.converted_account_id, contacts.account_id) = survivors.account_id
    left join deletions
        on entries.person_id = deletions.person_id
)

select * from final
