with

campaigns as (
    select * from {{ ref('int_crm__campaigns') }}
),

referenced as (
    select parent_campaign_id as id from campaigns
    union
    select campaign_id as id from {{ ref('fct_opportunity') }}
    union
    select campaign_id as id from {{ ref('fct_email_event') }}
    union
    select campaign_id as id from {{ ref('fct_touchpoint') }}
    union
    select campaign_id as id from {{ ref('fct_campaign_member') }}
),

inferred as (
    select distinct referenced.id as campaign_id
    from referenced
    left join campaigns
        on referenced.id = campaigns.campaign_id
    where
        referenced.id is not null
        and campaigns.campaign_id is null
),

final as (
    select
        campaign_id,
        source_system,
        source_id,
        name,
        campaign_type,
        status,
        start_date,
        end_date,
        budgeted_cost,
        actual_cost,
        parent_campaign_id,
        is_deleted,
        created_at,
        false as is_inferred
    from campaigns
    union all
    select
        campaign_id,
        {{ system_of('campaign_id') }} as source_system,
        {{ source_id_of('campaign_id') }} as source_id,
        cast(null as {{ dbt.type_string() }}) as name,
        cast(null as {{ dbt.type_string() }}) as campaign_type,
        cast(null as {{ dbt.type_string() }}) as status,
        cast(null as date) as start_date,
        cast(null as date) as end_date,
        cast(null as decimal(18, 2)) as budgeted_cost,
        cast(null as decimal(18, 2)) as actual_cost,
        cast(null as {{ dbt.type_string() }}) as parent_campaign_id,
        false as is_deleted,
        cast(null as timestamp) as created_at,
        true as is_inferred
    from inferred
)

select * from final
