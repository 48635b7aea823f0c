with

mentions as (
    select * from {{ ref('int_crm__opportunity_competitors') }}
),

spellings as (
    select * from {{ ref('competitor_spellings') }}
),

-- a name without an entry in the seed is called as it is typed most often
typed as (
    select
        mentions.spelling,
        mentions.competitor_name,
        row_number() over (
            partition by mentions.spelling
            order by count(*) desc, mentions.competitor_name
        ) as preference
    from mentions
    group by mentions.spelling, mentions.competitor_name
),

named as (
    select
        mentions.spelling,
        mentions.competitor_name as typed_name,
        mentions.first_seen_at,
        coalesce(spellings.competitor, trim(typed.competitor_name)) as competitor_name,
        coalesce(spellings.kind, 'unknown') as kind
    from mentions
    left join spellings
        on mentions.spelling = spellings.spelling
    left join typed
        on
            mentions.spelling = typed.spelling
            and typed.preference = 1
),

final as (
    select
        {{ competitor_id('competitor_name') }} as competitor_id,
        min(competitor_name) as competitor_name,
        min(kind) as kind,
        cast(count(distinct typed_name) as bigint) as spelling_count,
        min(first_seen_at) as first_seen_at
    from named
    group by {{ competitor_id('competitor_name') }}
)

select * from final
