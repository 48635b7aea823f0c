with

versions as (
    select * from {{ ref('int_crm__account_versions') }}
),

ranked as (
    select
        *,
        row_number() over (partition by account_id order by modified_at desc) as recency
    from versions
),

absorbed as (
    select
        account_id,
        merged_into_account_id,
        modified_at,
        load_id
    from ranked
    where
        recency = 1
        and merged_into_account_id is not null
        and merged_into_account_id <> account_id
),

-- a merge of a merge of a merge is followed to its end
final as (
    select
        absorbed.account_id,
        coalesce(
            third_steps.merged_into_account_id,
            second_steps.merged_into_account_id,
            absorbed.merged_into_account_id
        ) as surviving_account_id,
        greatest(
            absorbed.modified_at,
            coalesce(second_steps.modified_at, absorbed.modified_at),
            coalesce(third_steps.modified_at, absorbed.modified_at)
        ) as recorded_at,
        greatest(
            absorbed.load_id,
            coalesce(second_steps.load_id, absorbed.load_id),
            coalesce(third_steps.load_id, absorbed.load_id)
        ) as load_id
    from absorbed
    left join absorbed as second_steps
        on absorbed.merged_into_account_id = second_steps.account_id
    left join absorbed as third_steps
        on second_steps.merged_into_account_id = third_steps.account_id
)

select * from final
