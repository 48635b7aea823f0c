with

dates as (
    select * from {{ ref('dim_date') }}
),

daily as (
    select * from {{ ref('fct_opportunity_daily') }}
),

submissions as (
    select * from {{ ref('fct_forecast_submission') }}
),

users as (
    select * from {{ ref('dim_user') }}
),

hierarchy as (
    select * from {{ ref('bridge_user_hierarchy') }}
),

currencies as (
    select * from {{ ref('dim_currency') }}
),

{{ forecast_snapshots(periods_ahead=1) }},

-- calls for a whole fiscal quarter that stood on an evening
standing as (
    select
        forecast_snapshots.snapshot_date,
        forecast_snapshots.period_name,
        forecast_snapshots.period_start,
        forecast_snapshots.period_end,
        forecast_snapshots.period_offset,
        forecast_snapshots.days_to_close,
        {{ end_of_day('forecast_snapshots.snapshot_date') }} as snapshot_at,
        submissions.submission_id,
        submissions.submitter_user_id,
        submissions.subject_user_id as user_id,
        submissions.forecast_category as category,
        submissions.is_override,
        submissions.submitted_at,
        submissions.amount,
        {{ converted('submissions.amount_local', 'currencies.constant_rate') }} as amount_constant
    from submissions
    inner join forecast_snapshots
        on
            submissions.period_start = forecast_snapshots.period_start
            and cast(submissions.submitted_at as date) <= forecast_snapshots.snapshot_date
            and (
                submissions.superseded_at is null
                or cast(submissions.superseded_at as date) > forecast_snapshots.snapshot_date
            )
    left join currencies on submissions.currency_code = currencies.currency_code
    where
        submissions.forecast_category in ('pipeline', 'best_case', 'commit', 'closed')
        and (
            submissions.period_end is null
            or submissions.period_end = {{ days_after(1, 'forecast_snapshots.period_end') }}
        )
),

-- who has left stands for nothing any more: the deals are somebody else's now
in_office as (
    select
        user_id,
        valid_from,
        valid_to
    from users
    where
        coalesce(is_active, true)
        and not coalesce(is_deleted, false)
),

-- of several superiors who override, the last one
ranked as (
    select
        standing.*,
        row_number() over (
            partition by
                standing.snapshot_date,
                standing.period_start,
                standing.category,
                standing.user_id,
                standing.is_override
            order by standing.submitted_at desc, standing.submission_id desc
        ) as recency
    from standing
    inner join in_office as subjects
        on
            standing.user_id = subjects.user_id
            and {{ holds_at('subjects', 'standing.snapshot_at') }}
    inner join in_office as submitters
        on
            standing.submitter_user_id = submitters.user_id
            and {{ holds_at('submitters', 'standing.snapshot_at') }}
),

paired as (
    select
        snapshot_date,
        snapshot_at,
        period_name,
        period_start,
        period_end,
        period_offset,
        days_to_close,
        category,
        user_id,
        max(case when not is_override then submitted_at end) as submitted_at,
        max(case when not is_override then amount end) as call_amount,
        max(case when not is_override then amount_constant end) as call_amount_constant,
        max(case when is_override then submitted_at end) as overridden_at,
        max(case when is_override then submitter_user_id end) as overridden_by_user_id,
        max(case when is_override then amount end) as override_amount
    from ranked
    where recency = 1
    group by
        snapshot_date,
        snapshot_at,
        period_name,
        period_start,
        period_end,
        period_offset,
        days_to_close,
        category,
        user_id
),

-- an override replaces the call that it was made on; a later call is to be judged anew
judged as (
    select
        *,
        coalesce(overridden_at >= submitted_at, true) as is_override_valid
    from paired
),

calls as (
    select
        snapshot_date,
        snapshot_at,
        period_name,
        period_start,
        period_end,
        period_offset,
        days_to_close,
        category,
        user_id,
        submitted_at,
        call_amount,
        call_amount_constant,
        case when is_override_valid then overridden_at end as overridden_at,
        case when is_override_valid then overridden_by_user_id end as overridden_by_user_id,
        case when is_override_valid then override_amount end as override_amount
    from judged
),

-- who calls for somebody else who calls, too
rolled_up as (
    select distinct
        above.snapshot_date,
        above.period_start,
        above.category,
        above.user_id as ancestor_user_id,
        below.user_id as descendant_user_id
    from calls as above
    inner join hierarchy
        on
            above.user_id = hierarchy.ancestor_user_id
            and hierarchy.depth > 0
            and {{ holds_at('hierarchy', 'above.snapshot_at') }}
    inner join calls as below
        on
            hierarchy.descendant_user_id = below.user_id
            and above.snapshot_date = below.snapshot_date
            and above.period_start = below.period_start
            and above.category = below.category
    where above.call_amount is not null
),

with_calls_below as (
    select distinct
        snapshot_date,
        period_start,
        category,
        ancestor_user_id as user_id
    from rolled_up
),

with_calls_above as (
    select distinct
        snapshot_date,
        period_start,
        category,
        descendant_user_id as user_id
    from rolled_up
),

final as (
    select
        calls.snapshot_date,
        calls.period_name,
        calls.period_start,
        calls.period_end,
        calls.period_offset,
        calls.days_to_close,
        calls.category,
        calls.user_id,
        calls.submitted_at,
        calls.call_amount,
        calls.call_amount_constant,
        calls.overridden_at,
        calls.overridden_by_user_id,
        calls.override_amount,
        cast(calls.override_amount - calls.call_amount as decimal(18, 2)) as adjustment_amount,
        with_calls_below.user_id is null as is_lowest,
        with_calls_above.user_id is null as is_highest,
        {{ as_of_date() }} as as_of_date
    from calls
    left join with_calls_below
        on
            calls.snapshot_date = with_calls_below.snapshot_date
            and calls.period_start = with_calls_below.period_start
            and calls.category = with_calls_below.category
            and calls.user_id = with_calls_below.user_id
    left join with_calls_above
        on
            calls.snapshot_date = with_calls_above.snapshot_date
            and calls.period_start = with_calls_above.period_start
            and calls.category = with_calls_above.category
            and calls.user_id = with_calls_above.user_id
)

select * from final
order by snapshot_date, period_start, category, user_id
