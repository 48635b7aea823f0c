with

staged as (
    {{ union_systems('crm', object='products', columns=[
        'source_system', 'source_id', 'name', 'product_code', 'family', 'list_price', 'is_active',
        'is_deleted', 'created_at', 'modified_at'
    ]) }}
),

final as (
    select
        {{ global_id('source_system', 'source_id') }} as product_id,
        source_system,
        source_id,
        name,
        product_code,
        family,
        list_price,
        is_active,
        is_deleted,
        created_at,
        modified_at
    from staged
)

select * from final
