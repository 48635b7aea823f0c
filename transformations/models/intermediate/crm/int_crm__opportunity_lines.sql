with

staged as (
    {{ union_systems('crm', object='opportunity_lines', columns=[
        'source_system', 'source_id', 'opportunity_source_id', 'product_source_id',
        'currency_code', 'quantity', 'unit_price_local', 'list_price_local', 'amount_local',
        'is_deleted', 'created_at', 'modified_at', 'load_id'
    ]) }}
),

opportunities as (
    select
        opportunity_id,
        currency_code
    from {{ ref('int_crm__opportunities') }}
),

identified as (
    select
        *,
        {{ global_id('source_system', 'opportunity_source_id') }} as opportunity_id
    from staged
),

final as (
    select
        {{ global_id('identified.source_system', 'identified.source_id') }} as line_id,
        identified.source_system,
        identified.source_id,
        identified.opportunity_id,
        {{ global_id('identified.source_system', 'identified.product_source_id') }} as product_id,
        identified.quantity,
        identified.unit_price_local,
        identified.list_price_local,
        coalesce(
            identified.amount_local,
            cast(identified.quantity * identified.unit_price_local as decimal(18, 2))
        ) as amount_local,
        -- a line is in the currency of its deal
        cast(
            coalesce(
                identified.currency_code,
                opportunities.currency_code,
                '{{ var("corporate_currency") }}'
            ) as {{ dbt.type_string() }}
        ) as currency_code,
        identified.is_deleted,
        identified.created_at,
        identified.modified_at,
        identified.load_id
    from identified
    left join opportunities
        on identified.opportunity_id = opportunities.opportunity_id
)

select * from final
