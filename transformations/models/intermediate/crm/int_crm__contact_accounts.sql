with

versions as (
    select * from {{ ref('int_crm__contact_versions') }}
),

survivors as (
    select * from {{ ref('int_crm__account_survivors') }}
),

ranked as (
    select
        *,
        row_number() over (partition by contact_id order by modified_at desc) as recency
    from versions
),

final as (
    select
        ranked.contact_id,
        coalesce(survivors.surviving_account_id, ranked.account_id) as account_id,
        greatest(
            ranked.modified_at, coalesce(survivors.recorded_at, ranked.modified_at)
        ) as recorded_at,
        greatest(ranked.load_id, coalesce(survivors.load_id, ranked.load_id)) as load_id
    from ranked
    left join survivors
        on ranked.account_id = survivors.account_id
    where ranked.recency = 1
)

select * from final
