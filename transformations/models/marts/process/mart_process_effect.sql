with

adherence as (
    select
        opportunity_id,
        stage,
        stage_order,
        account_segment,
        region,
        sales_region,
        deal_type,
        team,
        is_skipped,
        judged_at,
        exit_criteria_count,
        exit_criteria_missing_count,
        case when is_won then 1 else 0 end as is_won,
        as_of_date
    from {{ ref('mart_process_adherence') }}
    where is_passed and is_eligible_for_win_rate
),

evidence as (
    select * from {{ ref('fct_stage_evidence') }}
    where is_required
),

segment_types as (
    {{ segment_types() }}
),

-- what a deal had done when it passed the stage: each criterion, all of them, the stage itself
asked as (
    select
        adherence.*,
        evidence.criterion_code,
        evidence.criterion_name,
        evidence.kind,
        coalesce(
            evidence.met_at <= adherence.judged_at
            and (evidence.withdrawn_at is null or evidence.withdrawn_at > adherence.judged_at),
            false
        ) as was_met
    from adherence
    inner join evidence
        on
            adherence.opportunity_id = evidence.opportunity_id
            and adherence.stage = evidence.stage
    where not adherence.is_skipped
    union all
    select
        adherence.*,
        'all_exit_criteria' as criterion_code,
        'All exit criteria' as criterion_name,
        'together' as kind,
        exit_criteria_missing_count = 0 as was_met
    from adherence
    where not is_skipped and exit_criteria_count > 0
    union all
    select
        adherence.*,
        'stage_visited' as criterion_code,
        'Stage not passed over' as criterion_name,
        'stage' as kind,
        not is_skipped as was_met
    from adherence
),

segmented as (
    select
        asked.*,
        segment_types.segment_type,
        {{ segment() }} as segment
    from asked
    cross join segment_types
),

counted as (
    select
        stage,
        criterion_code,
        segment_type,
        segment,
        max(stage_order) as stage_order,
        max(criterion_name) as criterion_name,
        max(kind) as kind,
        sum(case when was_met then 1 else 0 end) as met_count,
        sum(case when was_met then is_won else 0 end) as met_won_count,
        sum(case when was_met then 0 else 1 end) as missing_count,
        sum(case when was_met then 0 else is_won end) as missing_won_count,
        max(as_of_date) as as_of_date
    from segmented
    where segment is not null
    group by stage, criterion_code, segment_type, segment
),

rates as (
    select
        *,
        {{ rate('met_won_count', 'met_count') }} as met_win_rate,
        {{ rate('missing_won_count', 'missing_count') }} as missing_win_rate,
        {{ newcombe_bound(
            'met_won_count', 'met_count', 'missing_won_count', 'missing_count', 'low'
        ) }} as win_rate_difference_low,
        {{ newcombe_bound(
            'met_won_count', 'met_count', 'missing_won_count', 'missing_count', 'high'
        ) }} as win_rate_difference_high
    from counted
),

final as (
    select
        stage,
        criterion_code,
        segment_type,
        segment,
        stage_order,
        criterion_name,
        kind,
        cast(met_count + missing_count as bigint) as deal_count,
        cast(met_count as bigint) as met_count,
        cast(met_won_count as bigint) as met_won_count,
        met_win_rate,
        {{ wilson_bound('met_won_count', 'met_count', 'low') }} as met_win_rate_low,
        {{ wilson_bound('met_won_count', 'met_count', 'high') }} as met_win_rate_high,
        cast(missing_count as bigint) as missing_count,
        cast(missing_won_count as bigint) as missing_won_count,
        missing_win_rate,
        {{ wilson_bound('missing_won_count', 'missing_count', 'low') }} as missing_win_rate_low,
        {{ wilson_bound('missing_won_count', 'missing_count', 'high') }} as missing_win_rate_high,
        cast(met_win_rate - missing_win_rate as decimal(18, 6)) as win_rate_difference,
        win_rate_difference_low,
        win_rate_difference_high,
        coalesce(win_rate_difference_low > 0 or win_rate_difference_high < 0, false)
            as is_beyond_chance,
        'observational' as study_type,
        as_of_date
    from rates
)

select * from final
order by segment_type, segment, stage_order, kind, criterion_code
