with

currencies as (
    select * from {{ ref('currencies') }}
),

fx_rates as (
    select * from {{ ref('fct_fx_rate') }}
),

dates as (
    select * from {{ ref('dim_date') }}
),

referenced as (
    select currency_code from fx_rates
    union
    select currency_code from {{ ref('int_crm__opportunities') }}
    union
    select currency_code from {{ ref('int_crm__opportunity_lines') }}
    union
    select currency_code from {{ ref('fct_quota') }}
    union
    select currency_code from {{ ref('fct_forecast_submission') }}
),

members as (
    select
        currency_code,
        name,
        cast(minor_unit_count as integer) as minor_unit_count,
        false as is_inferred
    from currencies
    union all
    select
        referenced.currency_code,
        cast(null as {{ dbt.type_string() }}) as name,
        cast(null as integer) as minor_unit_count,
        true as is_inferred
    from referenced
    left join currencies
        on referenced.currency_code = currencies.currency_code
    where
        referenced.currency_code is not null
        and currencies.currency_code is null
),

this_year as (
    select fiscal_year_start_date from dates
    where date_day = {{ as_of_date() }}
),

-- the rate of the day on which the fiscal year began; the first one known where it began later
constant_rates as (
    select
        fx_rates.currency_code,
        fx_rates.rate_to_corporate,
        row_number() over (
            partition by fx_rates.currency_code
            order by
                case when fx_rates.valid_from <= this_year.fiscal_year_start_date then 0 else 1 end,
                case
                    when fx_rates.valid_from <= this_year.fiscal_year_start_date
                        then fx_rates.valid_from
                end desc,
                fx_rates.valid_from asc
        ) as preference
    from fx_rates
    cross join this_year
    where fx_rates.valid_from <= {{ as_of_date() }}
),

final as (
    select
        members.currency_code,
        members.name,
        members.minor_unit_count,
        members.currency_code = '{{ var("corporate_currency") }}' as is_corporate,
        constant_rates.rate_to_corporate as constant_rate,
        members.is_inferred
    from members
    left join constant_rates
        on
            members.currency_code = constant_rates.currency_code
            and constant_rates.preference = 1
)

select * from final
