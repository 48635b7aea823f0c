with

staged as (
    {{ union_systems('crm', object='forecast_submissions', columns=[
        'source_system', 'source_id', 'submitter_source_id', 'subject_source_id',
        'forecast_category', 'comment', 'is_override', 'is_deleted', 'currency_code', 'amount',
        'period_start', 'period_end', 'created_at', 'modified_at'
    ]) }}
),

final as (
    select
        {{ global_id('source_system', 'source_id') }} as submission_id,
        source_system,
        source_id,
        {{ global_id('source_system', 'submitter_source_id') }} as submitter_user_id,
        {{ global_id('source_system', 'coalesce(subject_source_id, submitter_source_id)') }}
            as subject_user_id,
        period_start,
        period_end,
        {{ canonical_forecast_category('forecast_category') }} as forecast_category,
        coalesce(is_override, submitter_source_id <> subject_source_id, false) as is_override,
        amount,
        coalesce(currency_code, '{{ var("corporate_currency") }}') as currency_code,
        comment,
        coalesce(created_at, modified_at) as submitted_at,
        modified_at,
        is_deleted
    from staged
)

select * from final
