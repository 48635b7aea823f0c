with

currencies as (
    select * from {{ ref('currencies') }}
),

referenced as (
    select currency_code from {{ ref('fct_fx_rate') }}
    union
    select currency_code from {{ ref('fct_opportunity') }}
    union
    select currency_code from {{ ref('fct_opportunity_line') }}
    union
    select currency_code from {{ ref('fct_quota') }}
),

inferred as (
    select referenced.currency_code
    from referenced
    left join currencies
        on referenced.currency_code = currencies.currency_code
    where
        referenced.currency_code is not null
        and currencies.currency_code is null
),

final as (
    select
        currency_code,
        name,
        cast(minor_unit_count as integer) as minor_unit_count,
        currency_code = '{{ var("corporate_currency") }}' as is_corporate,
        false as is_inferred
    from currencies
    union all
    select
        currency_code,
        cast(null as {{ dbt.type_string() }}) as name,
        cast(null as integer) as minor_unit_count,
        currency_code = '{{ var("corporate_currency") }}' as is_corporate,
        true as is_inferred
    from inferred
)

select * from final
