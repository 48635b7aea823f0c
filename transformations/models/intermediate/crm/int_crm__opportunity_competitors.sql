with

listed as (
    {{ union_systems('opportunity_competitors', columns=[
        'source_system', 'source_id', 'opportunity_source_id', 'competitor_name', 'is_deleted',
        'created_at', 'modified_at'
    ]) }}
),

all_versions as (
    {{ union_systems('crm', object='opportunity_versions', columns=[
        'source_system', 'source_id', 'competitor', 'created_at', 'modified_at', 'load_id'
    ]) }}
),

versions as (
    {{ visible_versions('all_versions', key='source_system, source_id') }}
),

followed as (
    select
        *,
        lead(competitor) over (
            partition by source_system, source_id
            order by version_number
        ) as next_competitor,
        lead(modified_at) over (
            partition by source_system, source_id
            order by version_number
        ) as next_modified_at
    from versions
),

-- the deal's own field: known from the first version that names the competitor, gone with the one
-- that no longer does
main as (
    select
        source_system,
        source_id,
        competitor,
        min(modified_at) as first_seen_at,
        max(modified_at) as modified_at,
        max(
            case when next_modified_at is null then 1 else 0 end
        ) as is_current,
        max(
            case
                when coalesce(next_competitor, '') <> competitor then next_modified_at
            end
        ) as left_at
    from followed
    where competitor is not null
    group by source_system, source_id, competitor
),

mentions as (
    select
        source_system,
        source_id,
        opportunity_source_id,
        competitor_name,
        false as is_main_field,
        created_at as first_seen_at,
        case when is_deleted then modified_at end as removed_at,
        modified_at
    from listed
    union all
    select
        source_system,
        'main:' || source_id || ':' || competitor as source_id,
        source_id as opportunity_source_id,
        competitor as competitor_name,
        true as is_main_field,
        first_seen_at,
        case when is_current = 0 then left_at end as removed_at,
        modified_at
    from main
),

spelt as (
    select
        *,
        coalesce(
            nullif(lower({{ regexp_replace_all('competitor_name', '[^A-Za-z0-9]', '') }}), ''),
            lower(trim(competitor_name))
        ) as spelling
    from mentions
),

final as (
    select
        {{ global_id('source_system', 'source_id') }} as mention_id,
        source_system,
        source_id,
        {{ global_id('source_system', 'opportunity_source_id') }} as opportunity_id,
        competitor_name,
        spelling,
        is_main_field,
        first_seen_at,
        removed_at,
        modified_at
    from spelt
    where spelling not in ('none', 'na', 'nocompetitor', 'nocompetition', 'unknown', 'tbd')
)

select * from final
