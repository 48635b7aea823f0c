with

mentions as (
    select * from {{ ref('int_crm__opportunity_competitors') }}
),

spellings as (
    select * from {{ ref('competitor_spellings') }}
),

opportunities as (
    select * from {{ ref('fct_opportunity') }}
),

identified as (
    select
        mentions.*,
        {{ competitor_id('coalesce(spellings.competitor, mentions.competitor_name)') }}
            as competitor_id
    from mentions
    left join spellings
        on mentions.spelling = spellings.spelling
),

lives as (
    select
        opportunity_id,
        competitor_id,
        min(source_system) as source_system,
        min(source_id) as source_id,
        min(first_seen_at) as first_seen_at,
        max(removed_at) as removed_at,
        max(case when removed_at is null then 1 else 0 end) as is_present,
        max(case when is_main_field and removed_at is null then 1 else 0 end) as is_main
    from identified
    group by opportunity_id, competitor_id
),

-- the one in the deal's own field; where it is empty, the one that was named first
ranked as (
    select
        *,
        row_number() over (
            partition by opportunity_id
            order by is_present desc, is_main desc, first_seen_at asc, competitor_id asc
        ) as preference
    from lives
),

final as (
    select
        ranked.opportunity_id,
        ranked.competitor_id,
        ranked.source_system,
        ranked.source_id,
        ranked.is_present = 1 and ranked.preference = 1 as is_primary,
        ranked.is_present = 1 as is_present,
        ranked.first_seen_at,
        case when ranked.is_present = 0 then ranked.removed_at end as removed_at,
        coalesce(
            ranked.first_seen_at < opportunities.closed_at,
            opportunities.closed_at is null
        ) as is_known_before_close,
        coalesce(opportunities.is_won and ranked.is_present = 1, false) as is_won_against,
        coalesce(
            opportunities.is_lost
            and ranked.is_present = 1
            and ranked.preference = 1
            and lower(opportunities.loss_reason) like '%competit%',
            false
        ) as is_lost_to
    from ranked
    left join opportunities
        on ranked.opportunity_id = opportunities.opportunity_id
)

select * from final
