with

email_events as (
    select * from {{ ref('stg_hubspot_marketing__email_events') }}
),

form_submissions as (
    select * from {{ ref('stg_hubspot_marketing__form_submissions') }}
),

page_views as (
    select * from {{ ref('stg_hubspot_marketing__page_views') }}
),

-- that an e-mail was sent is no touch: somebody has to have opened it or followed a link
email_touches as (
    select
        source_system,
        source_id,
        case when event_type = 'OPEN' then 'email_open' else 'email_click' end as touch_type,
        {{ global_id('source_system', 'campaign_source_id') }} as campaign_id,
        subject as campaign_name,
        person_email,
        cast(null as {{ dbt.type_string() }}) as utm_source,
        cast(null as {{ dbt.type_string() }}) as utm_medium,
        cast(null as {{ dbt.type_string() }}) as referrer,
        occurred_at,
        recorded_at,
        load_id
    from email_events
    where event_type in ('OPEN', 'CLICK')
),

form_touches as (
    select
        source_system,
        source_id,
        'form_submission' as touch_type,
        cast(null as {{ dbt.type_string() }}) as campaign_id,
        form_name as campaign_name,
        person_email,
        cast(null as {{ dbt.type_string() }}) as utm_source,
        cast(null as {{ dbt.type_string() }}) as utm_medium,
        cast(null as {{ dbt.type_string() }}) as referrer,
        occurred_at,
        recorded_at,
        load_id
    from form_submissions
),

page_touches as (
    select
        source_system,
        source_id,
        'page_view' as touch_type,
        cast(null as {{ dbt.type_string() }}) as campaign_id,
        utm_campaign as campaign_name,
        person_email,
        utm_source,
        utm_medium,
        referrer,
        occurred_at,
        recorded_at,
        load_id
    from page_views
),

touches as (
    select * from email_touches
    union all
    select * from form_touches
    union all
    select * from page_touches
),

final as (
    select
        source_system,
        source_id,
        touch_type,
        cast(null as {{ dbt.type_string() }}) as channel,
        campaign_id,
        campaign_name,
        cast(null as {{ dbt.type_string() }}) as campaign_type,
        person_email,
        cast(null as {{ dbt.type_string() }}) as contact_id,
        cast(null as {{ dbt.type_string() }}) as lead_id,
        utm_source,
        utm_medium,
        referrer,
        occurred_at,
        recorded_at,
        recorded_at as known_at,
        true as has_happened,
        load_id
    from touches
)

select * from final
