{#- Flags that are raised only from a stage on; the day since which the deal is beyond it. -#}
{%- set staged_flags = ["single_threaded", "no_decision_maker", "late_stage_competitor"] -%}

with

deals as (
    select
        *,
        cast({{ dbt.dateadd('day', 1, 'date_day') }} as timestamp) as day_end
    from {{ ref('mart_deal_signal') }}
),

stage_spans as (
    select * from {{ ref('fct_opportunity_stage_span') }}
),

activities as (
    select
        *,
        {{ is_two_way() }} as is_two_way
    from {{ ref('fct_activity') }}
    where not is_automated and {{ has_taken_place() }}
),

activity_matches as (
    select * from {{ ref('bridge_activity_opportunity') }}
),

contacts as (
    select * from {{ ref('fct_opportunity_contact') }}
),

qualifications as (
    select * from {{ ref('fct_qualification') }}
    where criterion_code = 'authority'
),

opportunity_competitors as (
    select * from {{ ref('fct_opportunity_competitor') }}
),

competitors as (
    select * from {{ ref('dim_competitor') }}
),

exit_criteria as (
    select * from {{ ref('fct_stage_evidence') }}
    where kind = 'exit_criterion' and is_required
),

thresholds as (
    select * from {{ ref('risk_thresholds') }}
),

rules as (
    select
        {% for flag in staged_flags -%}
        max(case when flag = '{{ flag }}' then from_stage_order end) as {{ flag }}_from_order,
        {% endfor -%}
        count(*) as rule_count
    from thresholds
),

-- From when on each kind of record is kept at all: a warning for want of what nobody records would
-- be none.
activity_data as (
    select min(recorded_at) as first_activity_at
    from activities
),

contact_systems as (
    select
        source_system,
        min(created_at) as first_contact_at
    from contacts
    where is_decision_maker
    group by source_system
),

competitor_systems as (
    select
        source_system,
        min(first_seen_at) as first_competitor_at
    from opportunity_competitors
    group by source_system
),

evidence_systems as (
    select
        source_system,
        min(recorded_at) as first_evidence_at
    from exit_criteria
    group by source_system
),

-- the stages so far: where the deal began or fell back to, and since when it is beyond a stage
ways as (
    select
        deals.opportunity_id,
        deals.date_day,
        {% for flag in staged_flags -%}
        max(
            case
                when
                    stage_spans.exited_at < deals.day_end
                    and (
                        not stage_spans.is_open_stage
                        or stage_spans.stage_order < rules.{{ flag }}_from_order
                    )
                    then cast(stage_spans.exited_at as date)
            end
        ) as {{ flag }}_left_date,
        {% endfor -%}
        min(case when stage_spans.is_open_stage then stage_spans.stage_order end) as lowest_order,
        min(cast(stage_spans.entered_at as date)) as first_entered_date
    from deals
    cross join rules
    inner join stage_spans
        on
            deals.opportunity_id = stage_spans.opportunity_id
            and deals.day_end > stage_spans.entered_at
    group by deals.opportunity_id, deals.date_day
),

-- one instant to compare with, so that engines join by deal first
known_activities as (
    select
        activity_matches.opportunity_id,
        cast(activities.occurred_at as date) as occurred_date,
        case when activities.is_two_way then activities.person_contact_id end as engaged_contact_id,
        greatest(activities.occurred_at, activities.recorded_at) as known_at
    from activity_matches
    inner join activities on activity_matches.activity_id = activities.activity_id
),

engagement as (
    select
        deals.opportunity_id,
        deals.date_day,
        max(known_activities.occurred_date) as last_activity_date,
        count(distinct known_activities.engaged_contact_id) as engaged_contact_count
    from deals
    inner join known_activities
        on
            deals.opportunity_id = known_activities.opportunity_id
            and deals.day_end > known_activities.known_at
    group by deals.opportunity_id, deals.date_day
),

deciding_contacts as (
    select
        deals.opportunity_id,
        deals.date_day,
        sum(
            case
                when contacts.removed_at is null or contacts.removed_at >= deals.day_end then 1
                else 0
            end
        ) as present_count,
        max(
            case when contacts.removed_at < deals.day_end then cast(contacts.removed_at as date) end
        ) as left_date
    from deals
    inner join contacts
        on
            deals.opportunity_id = contacts.opportunity_id
            and deals.day_end > contacts.created_at
    where contacts.is_decision_maker
    group by deals.opportunity_id, deals.date_day
),

judged_authority as (
    select
        deals.opportunity_id,
        deals.date_day,
        qualifications.is_met,
        qualifications.assessed_date,
        row_number() over (
            partition by deals.opportunity_id, deals.date_day
            order by qualifications.assessed_at desc, qualifications.framework desc
        ) as recency,
        lead(qualifications.is_met) over (
            partition by deals.opportunity_id, deals.date_day
            order by qualifications.assessed_at desc, qualifications.framework desc
        ) as was_met_before
    from deals
    inner join qualifications
        on
            deals.opportunity_id = qualifications.opportunity_id
            and deals.day_end > qualifications.recorded_at
            and (
                qualifications.withdrawn_at is null
                or deals.day_end <= qualifications.withdrawn_at
            )
),

authority as (
    select
        opportunity_id,
        date_day,
        max(case when recency = 1 and is_met then 1 else 0 end) as is_met,
        max(case when not is_met and was_met_before then assessed_date end) as lost_date
    from judged_authority
    group by opportunity_id, date_day
),

named_competitors as (
    select
        deals.opportunity_id,
        deals.date_day,
        count(*) as competitor_count,
        min(cast(opportunity_competitors.first_seen_at as date)) as first_seen_date,
        {{ string_agg(
            'competitors.competitor_name',
            ', ',
            'opportunity_competitors.first_seen_at, competitors.competitor_name'
        ) }} as competitor_names
    from deals
    inner join opportunity_competitors
        on
            deals.opportunity_id = opportunity_competitors.opportunity_id
            and deals.day_end > opportunity_competitors.first_seen_at
            and (
                opportunity_competitors.removed_at is null
                or deals.day_end <= opportunity_competitors.removed_at
            )
    inner join competitors
        on opportunity_competitors.competitor_id = competitors.competitor_id
    group by deals.opportunity_id, deals.date_day
),

-- what entitles a deal to its stage: the exit criteria of the stage before, also of one that it
-- passed over, but not of one that lies before its beginning
entry_evidence as (
    select
        deals.opportunity_id,
        deals.date_day,
        count(*) as required_count,
        sum(
            case
                when
                    exit_criteria.met_at < deals.day_end
                    and (
                        exit_criteria.withdrawn_at is null
                        or exit_criteria.withdrawn_at >= deals.day_end
                    )
                    then 1
                else 0
            end
        ) as met_count,
        max(
            case
                when exit_criteria.withdrawn_at < deals.day_end
                    then cast(exit_criteria.withdrawn_at as date)
            end
        ) as withdrawn_date
    from deals
    inner join ways
        on
            deals.opportunity_id = ways.opportunity_id
            and deals.date_day = ways.date_day
    inner join exit_criteria
        on
            deals.opportunity_id = exit_criteria.opportunity_id
            and deals.stage_order - 1 = exit_criteria.stage_order
    where ways.lowest_order < deals.stage_order
    group by deals.opportunity_id, deals.date_day
),

final as (
    select
        deals.opportunity_id,
        deals.date_day,
        coalesce(activity_data.first_activity_at < deals.day_end, false) as has_activities,
        engagement.last_activity_date,
        case
            when activity_data.first_activity_at < deals.day_end
                then
                    cast(
                        {{ dbt.datediff(
                            'coalesce(engagement.last_activity_date, deals.created_date)',
                            'deals.date_day',
                            'day'
                        ) }} as integer
                    )
        end as days_without_activity,
        case
            when activity_data.first_activity_at < deals.day_end
                then cast(coalesce(engagement.engaged_contact_count, 0) as bigint)
        end as engaged_contact_count,
        coalesce(contact_systems.first_contact_at < deals.day_end, false) as has_decision_makers,
        case
            when contact_systems.first_contact_at < deals.day_end
                then
                    cast(
                        coalesce(deciding_contacts.present_count, 0)
                        + coalesce(authority.is_met, 0) as bigint
                    )
        end as decision_maker_count,
        greatest(
            coalesce(deciding_contacts.left_date, authority.lost_date),
            coalesce(authority.lost_date, deciding_contacts.left_date)
        ) as decision_maker_lost_date,
        case
            when competitor_systems.first_competitor_at < deals.day_end
                then cast(coalesce(named_competitors.competitor_count, 0) as bigint)
        end as competitor_count,
        named_competitors.first_seen_date as competitor_seen_date,
        named_competitors.competitor_names,
        case
            when evidence_systems.first_evidence_at < deals.day_end
                then cast(entry_evidence.required_count as bigint)
        end as entry_criteria_count,
        case
            when evidence_systems.first_evidence_at < deals.day_end
                then cast(entry_evidence.required_count - entry_evidence.met_count as bigint)
        end as entry_criteria_missing_count,
        entry_evidence.withdrawn_date as entry_evidence_withdrawn_date,
        {%- for flag in staged_flags %}
        coalesce(ways.{{ flag }}_left_date, ways.first_entered_date) as {{ flag }}_stage_date,
        {%- endfor %}
        deals.as_of_date
    from deals
    cross join activity_data
    left join contact_systems on deals.source_system = contact_systems.source_system
    left join competitor_systems on deals.source_system = competitor_systems.source_system
    left join evidence_systems on deals.source_system = evidence_systems.source_system
    left join ways
        on
            deals.opportunity_id = ways.opportunity_id
            and deals.date_day = ways.date_day
    left join engagement
        on
            deals.opportunity_id = engagement.opportunity_id
            and deals.date_day = engagement.date_day
    left join deciding_contacts
        on
            deals.opportunity_id = deciding_contacts.opportunity_id
            and deals.date_day = deciding_contacts.date_day
    left join authority
        on
            deals.opportunity_id = authority.opportunity_id
            and deals.date_day = authority.date_day
    left join named_competitors
        on
            deals.opportunity_id = named_competitors.opportunity_id
            and deals.date_day = named_competitors.date_day
    left join entry_evidence
        on
            deals.opportunity_id = entry_evidence.opportunity_id
            and deals.date_day = entry_evidence.date_day
)

select * from final
order by date_day, opportunity_id
