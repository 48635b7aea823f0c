with

calls as (
    select * from {{ ref('stg_phone__calls') }}
),

recordings as (
    select * from {{ ref('stg_meetings__recordings') }}
),

-- the telephone exports a call with its analysis; what nobody answered has none
conversations as (
    select
        source_system,
        source_id,
        'call' as conversation_type,
        duration_seconds,
        talk_ratio,
        longest_monologue_seconds,
        question_count,
        sentiment,
        cast(null as {{ dbt.type_string() }}) as transcript_ref,
        recorded_at,
        load_id
    from calls
    where
        talk_ratio is not null
        or longest_monologue_seconds is not null
        or question_count is not null
        or sentiment is not null
    union all
    select
        source_system,
        source_id,
        'meeting' as conversation_type,
        duration_seconds,
        talk_ratio,
        longest_monologue_seconds,
        question_count,
        sentiment,
        transcript_ref,
        recorded_at,
        load_id
    from recordings
),

final as (
    select
        {{ global_id('source_system', 'source_id') }} as activity_id,
        source_system,
        source_id,
        conversation_type,
        duration_seconds,
        talk_ratio,
        longest_monologue_seconds,
        question_count,
        sentiment,
        transcript_ref,
        recorded_at,
        load_id
    from conversations
    where recorded_at < {{ as_of_end() }}
)

select * from final
