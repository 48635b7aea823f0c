with

passed as (
    select
        stage,
        count(*) as passed_count,
        sum(case when is_skipped then 0 else 1 end) as visited_count,
        sum(case when is_won then 1 else 0 end) as won_count
    from {{ ref('mart_process_adherence') }}
    where is_passed and is_eligible_for_win_rate
    group by stage
),

effects as (
    select
        stage,
        criterion_code,
        segment_type,
        sum(deal_count) as deal_count,
        sum(met_count + missing_count) as added_count,
        sum(met_won_count + missing_won_count) as won_count
    from {{ ref('mart_process_effect') }}
    where criterion_code in ('all_exit_criteria', 'stage_visited')
    group by stage, criterion_code, segment_type
)

select
    passed.stage,
    effects.criterion_code,
    effects.segment_type,
    passed.passed_count,
    passed.visited_count,
    effects.deal_count
from passed
left join effects on passed.stage = effects.stage
where
    effects.deal_count is null
    or effects.deal_count <> effects.added_count
    or (
        effects.criterion_code = 'stage_visited'
        and (
            effects.deal_count <> passed.passed_count
            or effects.won_count <> passed.won_count
        )
    )
    or (
        effects.criterion_code = 'all_exit_criteria'
        and effects.deal_count <> passed.visited_count
    )
