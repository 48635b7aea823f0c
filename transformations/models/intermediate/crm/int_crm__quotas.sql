with

staged as (
    {{ union_systems('crm', object='quotas', columns=[
        'source_system', 'source_id', 'user_source_id', 'measure', 'currency_code', 'amount',
        'period_start', 'period_end', 'modified_at'
    ]) }}
),

starts as (
    select distinct
        source_system,
        measure,
        user_source_id,
        period_start
    from staged
),

gaps as (
    select
        source_system,
        measure,
        {{ dbt.datediff(
            'lag(period_start) over ('
            ~ 'partition by source_system, measure, user_source_id order by period_start)',
            'period_start',
            'month'
        ) }} as month_count
    from starts
),

-- a source that has only first days has periods as long as its shortest step
steps as (
    select
        source_system,
        measure,
        min(month_count) as month_count
    from gaps
    where month_count > 0
    group by
        source_system,
        measure
),

lengths as (
    select
        staged.*,
        coalesce(
            steps.month_count, case when staged.measure = 'bookings' then 3 else 1 end
        ) as month_count
    from staged
    left join steps
        on
            staged.source_system = steps.source_system
            and staged.measure = steps.measure
),

final as (
    select
        {{ global_id('source_system', 'source_id') }} as quota_id,
        source_system,
        source_id,
        {{ global_id('source_system', 'user_source_id') }} as user_id,
        measure,
        period_start,
        coalesce(
            period_end,
            cast({{ dbt.dateadd('month', 'month_count', 'period_start') }} as date)
        ) as period_end,
        amount,
        cast(
            case
                when measure = 'bookings'
                    then coalesce(currency_code, '{{ var("corporate_currency") }}')
            end as {{ dbt.type_string() }}
        ) as currency_code,
        modified_at
    from lengths
)

select * from final
