with

meetings as (
    select * from {{ ref('stg_meetings__meetings') }}
),

attendees as (
    select * from {{ ref('stg_meetings__attendees') }}
),

-- the person that a meeting is with: the first guest on the list
guests as (
    select
        meeting_source_id,
        email,
        row_number() over (
            partition by meeting_source_id order by attendee_number
        ) as guest_number
    from attendees
    where
        is_external
        and email is not null
),

final as (
    select
        meetings.source_system,
        meetings.source_id,
        'meeting' as activity_type,
        case when guests.email is null then 'internal' end as direction,
        meetings.title as subject,
        meetings.occurred_at,
        meetings.recorded_at,
        cast(null as {{ dbt.type_string() }}) as user_id,
        meetings.user_email,
        cast(null as {{ dbt.type_string() }}) as contact_id,
        cast(null as {{ dbt.type_string() }}) as lead_id,
        guests.email as person_email,
        cast(null as {{ dbt.type_string() }}) as account_id,
        cast(null as {{ dbt.type_string() }}) as opportunity_id,
        cast(
            {{ dbt.datediff(
                'meetings.occurred_at', 'meetings.ended_at', 'second'
            ) }} as bigint
        ) as duration_seconds,
        meetings.status as outcome,
        false as is_automated,
        cast(null as double) as talk_ratio,
        cast(null as double) as sentiment,
        cast(null as {{ dbt.type_string() }}) as thread_id,
        true as has_happened,
        meetings.load_id
    from meetings
    left join guests
        on
            meetings.source_id = guests.meeting_source_id
            and guests.guest_number = 1
)

select * from final
