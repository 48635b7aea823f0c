with

products as (
    select * from {{ ref('int_crm__products') }}
),

lines as (
    select * from {{ ref('int_crm__opportunity_lines') }}
),

inferred as (
    select distinct lines.product_id
    from lines
    left join products
        on lines.product_id = products.product_id
    where
        lines.product_id is not null
        and products.product_id is null
),

final as (
    select
        product_id,
        source_system,
        source_id,
        name,
        product_code,
        family,
        list_price,
        is_active,
        is_deleted,
        created_at,
        false as is_inferred
    from products
    union all
    select
        product_id,
        {{ system_of('product_id') }} as source_system,
        {{ source_id_of('product_id') }} as source_id,
        cast(null as {{ dbt.type_string() }}) as name,
        cast(null as {{ dbt.type_string() }}) as product_code,
        cast(null as {{ dbt.type_string() }}) as family,
        cast(null as decimal(18, 2)) as list_price,
        cast(null as boolean) as is_active,
        false as is_deleted,
        cast(null as timestamp) as created_at,
        true as is_inferred
    from inferred
)

select * from final
