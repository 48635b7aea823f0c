with

judged as (
    select * from {{ ref('mart_target_vs_actual') }}
),

-- every target is shown, also where nothing measures it
missing as (
    select
        targets.target_id,
        'no row' as fault
    from {{ ref('dim_target') }} as targets
    left join judged on targets.target_id = judged.target_id
    where judged.target_id is null
),

-- whoever sold is in one region, one team and one company, and is one rep
quotas as (
    select
        target_id,
        period_type,
        period_name,
        node_type,
        sum(target_value) as target_value,
        sum(actual_value) as actual_value
    from judged
    where
        source_id = 'fct_quota'
        and node_type in ('company', 'region', 'team', 'rep')
    group by target_id, period_type, period_name, node_type
),

unbalanced as (
    select
        parts.target_id,
        parts.node_type || ' ' || parts.period_name as fault
    from quotas as parts
    inner join quotas as company
        on
            parts.target_id = company.target_id
            and parts.period_type = company.period_type
            and parts.period_name = company.period_name
            and company.node_type = 'company'
    where
        parts.target_value <> company.target_value
        or parts.actual_value <> company.actual_value
)

select * from missing
union all
select * from unbalanced
