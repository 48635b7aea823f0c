with

staged as (
    {{ union_systems('crm', object='account_territories', columns=[
        'source_system', 'source_id', 'account_source_id', 'territory_source_id', 'valid_from',
        'valid_to', 'modified_at'
    ]) }}
),

final as (
    select
        {{ global_id('source_system', 'source_id') }} as assignment_id,
        source_system,
        source_id,
        {{ global_id('source_system', 'account_source_id') }} as account_id,
        {{ global_id('source_system', 'territory_source_id') }} as territory_id,
        valid_from,
        -- an end that is still to come is not known to be one
        case when valid_to < {{ as_of_end() }} then valid_to end as valid_to,
        modified_at
    from staged
    where valid_from < {{ as_of_end() }} and (valid_to is null or valid_to > valid_from)
)

select * from final
