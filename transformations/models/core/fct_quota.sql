with

quotas as (
    select * from {{ ref('int_crm__quotas') }}
),

fx_rates as (
    select * from {{ ref('fct_fx_rate') }}
),

versions as (
    select
        *,
        row_number() over (
            partition by user_id, period_start, period_end, measure
            order by modified_at, quota_id
        ) as version_number,
        lead(modified_at) over (
            partition by user_id, period_start, period_end, measure
            order by modified_at, quota_id
        ) as next_modified_at
    from quotas
),

final as (
    select
        {{ dbt.hash(
            "versions.quota_id || '|' || cast(versions.modified_at as " ~ dbt.type_string() ~ ")"
        ) }} as quota_key,
        versions.quota_id,
        versions.source_system,
        versions.source_id,
        versions.user_id,
        versions.measure,
        versions.period_start,
        versions.period_end,
        cast(versions.version_number as integer) as version_number,
        versions.modified_at as valid_from,
        versions.next_modified_at as valid_to,
        versions.next_modified_at is null as is_current,
        case
            when versions.measure = 'bookings'
                then {{ converted('versions.amount', 'fx_rates.rate_to_corporate') }}
            else versions.amount
        end as amount,
        versions.amount as amount_local,
        case when versions.measure = 'bookings' then versions.currency_code end as currency_code,
        case when versions.measure = 'bookings' then fx_rates.rate_to_corporate end as fx_rate
    from versions
    left join fx_rates
        on {{ fx_rate_on('fx_rates', 'versions.currency_code', 'versions.period_start') }}
)

select * from final
