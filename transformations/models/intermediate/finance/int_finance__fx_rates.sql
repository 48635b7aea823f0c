{%- set corporate_currency = var('corporate_currency') -%}

with

staged as (
    {{ union_systems('crm', object='fx_rates', columns=[
        'source_system', 'currency_code', 'rate_to_corporate', 'valid_from', 'modified_at'
    ]) }}
),

known as (
    select *
    from staged
    where
        currency_code <> '{{ corporate_currency }}'
        and rate_to_corporate is not null
        and valid_from is not null
),

-- one rate a currency and day: where systems disagree, the one recorded last
ranked as (
    select
        *,
        row_number() over (
            partition by currency_code, valid_from
            order by modified_at desc, source_system asc
        ) as recency
    from known
),

-- a rate holds until the next one begins; the last one until there is another
dated as (
    select
        currency_code,
        valid_from,
        lead(valid_from) over (partition by currency_code order by valid_from) as valid_to,
        rate_to_corporate
    from ranked
    where recency = 1
),

corporate as (
    select
        cast('{{ corporate_currency }}' as {{ dbt.type_string() }}) as currency_code,
        cast('1900-01-01' as date) as valid_from,
        cast(null as date) as valid_to,
        cast(1 as decimal(18, 8)) as rate_to_corporate
),

final as (
    select * from dated
    union all
    select * from corporate
)

select * from final
