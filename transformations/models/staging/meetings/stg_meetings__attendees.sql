with

meetings as (
    select * from {{ ref('stg_meetings__meetings') }}
),

attendees as (
    {{ unnest_json_array(
        'meetings', 'attendees', keep=['source_id', 'source_system', 'recorded_at', 'load_id']
    ) }}
)

select
    source_system,
    source_id as meeting_source_id,
    cast(element_number as integer) as attendee_number,
    {{ clean_email(json_text('element_json', 'email')) }} as email,
    lower({{ clean_text(json_text('element_json', 'response')) }}) as response,
    {{ boolean_from_text(json_text('element_json', 'is_external')) }} as is_external,
    recorded_at,
    load_id
from attendees
