with

source as (
    select * from {{ accepted_rows('mapped_files', 'account_territories') }}
),

renamed as (
    select
        {{ clean_text('source_system') }} as source_system,
        {{ clean_text('source_id') }} as source_id,
        {{ clean_text('account_id') }} as account_source_id,
        {{ clean_text('territory_id') }} as territory_source_id,
        {{ utc_timestamp('valid_from') }} as valid_from,
        {{ utc_timestamp('valid_to') }} as valid_to,
        coalesce({{ boolean_from_text('is_deleted') }}, false) as is_deleted,
        {{ utc_timestamp('valid_from') }} as created_at,
        coalesce(
            {{ utc_timestamp('modified_at') }},
            {{ utc_timestamp('exported_on') }}
        ) as modified_at,
        load_id,
        _row as source_row
    from source
),

latest as (
    {{ latest_version('renamed', key='source_system, source_id') }}
)

select
    source_system,
    source_id,
    account_source_id,
    territory_source_id,
    coalesce(valid_from, cast('1900-01-01 00:00:00' as timestamp)) as valid_from,
    case
        when valid_to is not null then valid_to
        when is_deleted then modified_at
    end as valid_to,
    modified_at,
    load_id
from latest
