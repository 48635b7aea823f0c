with

lines as (
    select * from {{ ref('int_crm__opportunity_lines') }}
),

opportunities as (
    select
        opportunity_id,
        fx_rate_date
    from {{ ref('fct_opportunity') }}
),

fx_rates as (
    select * from {{ ref('fct_fx_rate') }}
),

final as (
    select
        lines.line_id,
        lines.source_system,
        lines.source_id,
        lines.opportunity_id,
        lines.product_id,
        lines.quantity,
        lines.unit_price_local,
        lines.list_price_local,
        case
            when lines.list_price_local > 0
                then cast(
                    1 - cast(lines.unit_price_local as double)
                    / cast(lines.list_price_local as double)
                    as decimal(9, 4)
                )
        end as discount_rate,
        lines.amount_local,
        lines.currency_code,
        fx_rates.rate_to_corporate as fx_rate,
        opportunities.fx_rate_date,
        {{ converted('lines.amount_local', 'fx_rates.rate_to_corporate') }} as amount,
        lines.is_deleted,
        lines.created_at,
        lines.modified_at,
        lines.load_id
    from lines
    left join opportunities
        on lines.opportunity_id = opportunities.opportunity_id
    left join fx_rates
        on {{ fx_rate_on('fx_rates', 'lines.currency_code', 'opportunities.fx_rate_date') }}
)

select * from final
