{{ config(
    materialized='incremental',
    incremental_strategy=incremental_strategy(),
    unique_key='source_id'
) }}

with

source as (
    select *
    from {{ accepted_rows(
        'raw_hubspot_marketing', 'form_submissions', after_load_id=watermark('load_id')
    ) }}
),

renamed as (
    select
        cast('hubspot_marketing' as {{ dbt.type_string() }}) as source_system,
        coalesce(
            {{ clean_text('conversionId') }},
            {{ clean_text('formId') }} || ':'
            || {{ clean_text('submittedAt') }} || ':'
            || coalesce({{ clean_text('email') }}, '')
        ) as source_id,
        {{ clean_text('formId') }} as form_source_id,
        {{ clean_text('formName') }} as form_name,
        {{ clean_text('pageUrl') }} as page_url,
        {{ clean_email('email') }} as person_email,
        coalesce(
            {{ epoch_millis_timestamp('submittedAt') }},
            {{ utc_timestamp('submittedAt') }}
        ) as occurred_at,
        coalesce(
            {{ epoch_millis_timestamp('submittedAt') }},
            {{ utc_timestamp('submittedAt') }}
        ) as recorded_at,
        load_id,
        _row as source_row
    from source
),

last_loaded as (
    {{ last_loaded('renamed', key='source_id') }}
)

select
    source_system,
    source_id,
    form_source_id,
    form_name,
    page_url,
    person_email,
    occurred_at,
    recorded_at,
    load_id
from last_loaded
