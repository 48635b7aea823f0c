with

rates as (
    select * from {{ ref('int_finance__fx_rates') }}
),

next_rates as (
    select
        *,
        lead(valid_from) over (
            partition by currency_code
            order by valid_from
        ) as next_valid_from
    from rates
),

-- one rate a day and currency: a rate ends at the latest where the next one begins
final as (
    select
        currency_code,
        valid_from,
        rate_to_corporate,
        case
            when valid_to is null or next_valid_from < valid_to then next_valid_from
            else valid_to
        end as valid_to
    from next_rates
)

select * from final
