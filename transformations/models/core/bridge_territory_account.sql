with

assignments as (
    select * from {{ ref('int_crm__account_territories') }}
),

-- an account that is assigned to a territory twice at a time is in it once
ordered as (
    select
        *,
        max(coalesce(valid_to, cast('9999-12-31 00:00:00' as timestamp))) over (
            partition by account_id, territory_id
            order by valid_from, assignment_id
            rows between unbounded preceding and 1 preceding
        ) as covered_until
    from assignments
),

numbered as (
    select
        *,
        sum(case when covered_until >= valid_from then 0 else 1 end) over (
            partition by account_id, territory_id
            order by valid_from, assignment_id
            rows between unbounded preceding and current row
        ) as range_number
    from ordered
),

ranges as (
    select
        account_id,
        territory_id,
        min(source_system) as source_system,
        min(source_id) as source_id,
        min(valid_from) as valid_from,
        case when count(*) = count(valid_to) then max(valid_to) end as valid_to
    from numbered
    group by account_id, territory_id, range_number
),

overlapping as (
    select distinct
        ranges.account_id,
        ranges.territory_id,
        ranges.valid_from
    from ranges
    inner join ranges as others
        on
            ranges.account_id = others.account_id
            and ranges.territory_id <> others.territory_id
            and (ranges.valid_to is null or ranges.valid_to > others.valid_from)
            and (others.valid_to is null or ranges.valid_from < others.valid_to)
),

final as (
    select
        {{ dbt.hash(
            "ranges.account_id || '|' || ranges.territory_id || '|' || cast(ranges.valid_from as "
            ~ dbt.type_string() ~ ")"
        ) }} as territory_account_key,
        ranges.account_id,
        ranges.territory_id,
        ranges.source_system,
        ranges.source_id,
        ranges.valid_from,
        ranges.valid_to,
        ranges.valid_to is null as is_current,
        overlapping.account_id is not null as is_overlapping
    from ranges
    left join overlapping
        on
            ranges.account_id = overlapping.account_id
            and ranges.territory_id = overlapping.territory_id
            and ranges.valid_from = overlapping.valid_from
)

select * from final
