with

staged as (
    {{ union_systems('crm', object='opportunity_splits', columns=[
        'source_system', 'source_id', 'opportunity_source_id', 'user_source_id',
        'split_type_source_id', 'split_type', 'credit_share', 'is_deleted', 'created_at',
        'modified_at'
    ]) }}
),

split_types as (
    select * from {{ ref('stg_salesforce__opportunity_split_types') }}
),

named as (
    select
        staged.*,
        coalesce(staged.split_type, split_types.name) as given_type,
        split_types.is_total_validated
    from staged
    left join split_types
        on
            staged.source_system = split_types.source_system
            and staged.split_type_source_id = split_types.source_id
),

final as (
    select
        {{ global_id('source_system', 'source_id') }} as split_id,
        source_system,
        source_id,
        {{ global_id('source_system', 'opportunity_source_id') }} as opportunity_id,
        {{ global_id('source_system', 'user_source_id') }} as user_id,
        given_type as split_type,
        -- a kind that need not sum to the whole is an overlay; a kind that nobody describes is none
        case
            when not is_total_validated then 'overlay'
            when is_total_validated is null and lower(given_type) like '%overlay%' then 'overlay'
            else 'revenue'
        end as role_type,
        credit_share as source_share,
        is_deleted,
        created_at,
        modified_at
    from named
)

select * from final
