with

staged as (
    {{ union_systems('territory_users', columns=[
        'source_system', 'source_id', 'user_source_id', 'territory_source_id', 'role',
        'valid_from', 'valid_to', 'modified_at'
    ]) }}
),

final as (
    select
        {{ global_id('source_system', 'source_id') }} as assignment_id,
        source_system,
        source_id,
        {{ global_id('source_system', 'user_source_id') }} as user_id,
        {{ global_id('source_system', 'territory_source_id') }} as territory_id,
        role,
        valid_from,
        valid_to,
        modified_at
    from staged
    where valid_from < {{ as_of_end() }} and (valid_to is null or valid_to > valid_from)
)

select * from final
