with

staged as (
    {{ union_systems('crm', object='opportunities', columns=[
        'source_system', 'source_id', 'account_source_id', 'owner_user_source_id',
        'campaign_source_id', 'name', 'opportunity_type', 'source_pipeline', 'source_stage',
        'forecast_category', 'lead_source', 'loss_reason', 'competitor', 'next_step',
        'currency_code', 'amount_local', 'probability', 'close_date', 'closed_at', 'is_deleted',
        'created_at', 'modified_at', 'load_id'
    ]) }}
),

stages as (
    select * from {{ ref('int_crm__stages') }}
),

survivors as (
    select * from {{ ref('int_crm__account_survivors') }}
),

deletions as (
    select
        opportunity_id,
        max(changed_at) as deleted_at
    from {{ ref('int_crm__opportunity_changes') }}
    where
        field = 'is_deleted'
        and new_value = 'true'
    group by opportunity_id
),

identified as (
    select
        *,
        {{ global_id('source_system', 'source_id') }} as opportunity_id,
        {{ global_id('source_system', 'account_source_id') }} as source_account_id
    from staged
),

final as (
    select
        identified.opportunity_id,
        identified.source_system,
        identified.source_id,
        coalesce(survivors.surviving_account_id, identified.source_account_id) as account_id,
        {{ global_id('identified.source_system', 'identified.owner_user_source_id') }}
            as owner_user_id,
        identified.name,
        {{ canonical_opportunity_type('identified.opportunity_type') }} as opportunity_type,
        identified.source_pipeline,
        identified.source_stage,
        stages.stage,
        identified.amount_local,
        cast(
            coalesce(identified.currency_code, '{{ var("corporate_currency") }}')
            as {{ dbt.type_string() }}
        ) as currency_code,
        identified.close_date,
        cast(coalesce(identified.probability, stages.default_probability) as decimal(9, 4))
            as probability,
        coalesce(
            {{ canonical_forecast_category('identified.forecast_category') }},
            stages.forecast_category
        ) as forecast_category,
        identified.lead_source,
        {{ global_id('identified.source_system', 'identified.campaign_source_id') }} as campaign_id,
        identified.loss_reason,
        identified.competitor,
        identified.next_step,
        identified.is_deleted,
        case when identified.is_deleted then deletions.deleted_at end as deleted_at,
        identified.created_at,
        case when not stages.is_open then identified.closed_at end as closed_at,
        identified.modified_at,
        identified.load_id
    from identified
    left join stages
        on
            identified.source_system = stages.source_system
            and identified.source_pipeline = stages.source_pipeline
            and lower(identified.source_stage) = lower(stages.source_stage)
    left join survivors
        on identified.source_account_id = survivors.account_id
    left join deletions
        on identified.opportunity_id = deletions.opportunity_id
)

select * from final
