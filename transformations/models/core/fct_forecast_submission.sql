with

submissions as (
    select * from {{ ref('int_crm__forecast_submissions') }}
    where
        not is_deleted
        and submitted_at < {{ as_of_end() }}
),

fx_rates as (
    select * from {{ ref('fct_fx_rate') }}
),

-- of two calls at the same instant the one that was recorded later stands
versions as (
    select
        *,
        row_number() over (
            partition by submitter_user_id, subject_user_id, period_start, forecast_category
            order by submitted_at, modified_at, submission_id
        ) as version_number,
        lead(submitted_at) over (
            partition by submitter_user_id, subject_user_id, period_start, forecast_category
            order by submitted_at, modified_at, submission_id
        ) as next_submitted_at
    from submissions
),

final as (
    select
        versions.submission_id,
        versions.source_system,
        versions.source_id,
        versions.submitter_user_id,
        versions.subject_user_id,
        versions.period_start,
        versions.period_end,
        versions.forecast_category,
        versions.is_override,
        cast(versions.version_number as integer) as version_number,
        versions.submitted_at,
        versions.next_submitted_at as superseded_at,
        versions.next_submitted_at is null as is_standing,
        {{ converted('versions.amount', 'fx_rates.rate_to_corporate') }} as amount,
        versions.amount as amount_local,
        versions.currency_code,
        fx_rates.rate_to_corporate as fx_rate,
        versions.comment
    from versions
    left join fx_rates
        on {{ fx_rate_on(
            'fx_rates', 'versions.currency_code', 'cast(versions.submitted_at as date)'
        ) }}
)

select * from final
