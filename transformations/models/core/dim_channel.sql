with

taxonomy as (
    select * from {{ ref('channel_taxonomy') }}
),

referenced as (
    select channel from {{ ref('channels') }}
    union
    select channel from {{ ref('fct_activity') }}
    union
    select channel from {{ ref('fct_email_event') }}
    union
    select channel from {{ ref('fct_touchpoint') }}
),

inferred as (
    select referenced.channel
    from referenced
    left join taxonomy
        on referenced.channel = taxonomy.channel
    where
        referenced.channel is not null
        and taxonomy.channel is null
),

final as (
    select
        channel,
        channel_name,
        channel_group,
        prospecting_activity,
        is_paid,
        is_digital,
        direction,
        false as is_inferred
    from taxonomy
    union all
    select
        channel,
        channel as channel_name,
        'other' as channel_group,
        cast(null as {{ dbt.type_string() }}) as prospecting_activity,
        cast(null as boolean) as is_paid,
        cast(null as boolean) as is_digital,
        cast(null as {{ dbt.type_string() }}) as direction,
        true as is_inferred
    from inferred
)

select * from final
