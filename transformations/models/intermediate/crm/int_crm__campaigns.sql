with

staged as (
    {{ union_systems('crm', object='campaigns', columns=[
        'source_system', 'source_id', 'parent_campaign_source_id', 'name', 'campaign_type',
        'status', 'budgeted_cost', 'actual_cost', 'start_date', 'end_date', 'is_deleted',
        'created_at', 'modified_at'
    ]) }}
),

final as (
    select
        {{ global_id('source_system', 'source_id') }} as campaign_id,
        source_system,
        source_id,
        name,
        campaign_type,
        status,
        start_date,
        end_date,
        budgeted_cost,
        actual_cost,
        {{ global_id('source_system', 'parent_campaign_source_id') }} as parent_campaign_id,
        is_deleted,
        created_at,
        modified_at
    from staged
)

select * from final
