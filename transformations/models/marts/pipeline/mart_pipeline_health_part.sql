{#- Weekly snapshots are kept this long; the clock's own evening is always there. -#}
{%- set kept_weeks = 105 -%}
{#- What a window is, by the part of the score that it is of. -#}
{%- set windows = {
    "coverage": "coverage_days", "creation": "creation_days", "stalled": "stalled_days",
    "stage_maturity": "maturity_days", "slip_rate": "slip_days", "inactive": "inactive_days",
    "win_rate_trend": "win_rate_days"
} -%}
{%- set deal_measures = [
    "open_count", "open_amount", "due_amount", "maturity_amount", "mature_amount", "stage_count",
    "stalled_count", "settled_count", "inactive_count", "overdue_count"
] -%}
{%- set closed_measures = [
    "won_amount", "won_in_year", "lost_in_year", "recently_won_count", "recently_closed_count",
    "won_count", "closed_count"
] -%}
{%- set quota_measures = ["quota", "next_quota", "creation_quota"] -%}
{%- set summed_measures = deal_measures + closed_measures + quota_measures + [
    "slip_due_count", "slip_pushed_count", "created_amount"
] -%}

with

daily as (
    select * from {{ ref('fct_opportunity_daily') }}
),

opportunities as (
    select * from {{ ref('fct_opportunity') }}
),

stage_spans as (
    select * from {{ ref('fct_opportunity_stage_span') }}
    where is_open_stage
),

activities as (
    select * from {{ ref('fct_activity') }}
    where not is_automated and {{ has_taken_place() }}
),

activity_matches as (
    select * from {{ ref('bridge_activity_opportunity') }}
),

quotas as (
    select * from {{ ref('fct_quota') }}
    where measure = 'bookings'
),

currencies as (
    select * from {{ ref('dim_currency') }}
),

user_nodes as (
    select * from {{ ref('bridge_user_node') }}
),

dates as (
    select * from {{ ref('dim_date') }}
),

parts as (
    select * from {{ ref('pipeline_health_parts') }}
),

clock as (
    select {{ as_of_date() }} as as_of_date
),

rules as (
    select
        {% for part, days in windows.items() -%}
        max(case when part = '{{ part }}' then window_days end) as {{ days }},
        {% endfor -%}
        max(case when part = 'stalled' then minimum_sample end) as stalled_sample,
        max(case when part = 'creation' then minimum_sample end) as creation_sample,
        max(case when part = 'slip_rate' then minimum_sample end) as slip_sample,
        max(case when part = 'win_rate_trend' then minimum_sample end) as win_rate_sample,
        max(case when part = 'stage_maturity' then from_stage_order end) as mature_stage_order
    from parts
),

-- the evening of every Sunday, and this one
snapshot_days as (
    select
        dates.date_day,
        dates.fiscal_quarter_start_date as quarter_start_date,
        dates.fiscal_quarter_end_date as quarter_end_date,
        next_dates.fiscal_quarter_start_date as next_quarter_start_date,
        next_dates.fiscal_quarter_end_date as next_quarter_end_date,
        {{ end_of_day('dates.date_day') }} as snapshot_at,
        {{ days_after('rules.coverage_days', 'dates.date_day') }} as coverage_end,
        {{ days_after('rules.maturity_days', 'dates.date_day') }} as maturity_end,
        {{ days_after('-rules.creation_days', 'dates.date_day') }} as creation_from,
        {{ days_after('-rules.stalled_days', 'dates.date_day') }} as stalled_from,
        {{ days_after('-rules.slip_days', 'dates.date_day') }} as slip_from,
        {{ days_after('-rules.inactive_days', 'dates.date_day') }} as inactive_from,
        {{ days_after('-rules.win_rate_days', 'dates.date_day') }} as win_rate_from,
        {{ days_after('-365', 'dates.date_day') }} as year_from
    from dates
    cross join clock
    cross join rules
    left join dates as next_dates
        on {{ days_after(1, 'dates.fiscal_quarter_end_date') }} = next_dates.date_day
    where
        dates.date_day <= clock.as_of_date
        and dates.date_day > {{ days_after(-7 * kept_weeks, 'clock.as_of_date') }}
        and dates.date_day >= (select min(daily.date_day) from daily)
        and (dates.iso_day_of_week = 7 or dates.date_day = clock.as_of_date)
),

deal_days as (
    select
        daily.opportunity_id,
        daily.date_day,
        daily.stage,
        daily.stage_order,
        daily.close_date,
        daily.amount,
        coalesce(daily.owner_user_id, 'unassigned') as user_id,
        opportunities.created_date
    from daily
    inner join snapshot_days
        on daily.date_day = snapshot_days.date_day
    inner join opportunities
        on daily.opportunity_id = opportunities.opportunity_id
    where daily.is_open
),

usual_stays as (
    select
        snapshot_days.date_day,
        stage_spans.stage,
        {{ quantile_double('stage_spans.days_in_stage', 0.75) }} as usual_days,
        count(*) as visit_count
    from snapshot_days
    inner join stage_spans
        on
            {{ end_of_day('snapshot_days.stalled_from') }} < stage_spans.exited_at
            and snapshot_days.snapshot_at >= stage_spans.exited_at
    group by
        snapshot_days.date_day,
        stage_spans.stage
),

stays as (
    select
        deal_days.opportunity_id,
        deal_days.date_day,
        usual_stays.usual_days,
        {{ elapsed_days('stage_spans.entered_at', 'snapshot_days.snapshot_at') }} as days_in_stage
    from deal_days
    inner join snapshot_days
        on deal_days.date_day = snapshot_days.date_day
    cross join rules
    inner join stage_spans
        on
            deal_days.opportunity_id = stage_spans.opportunity_id
            and snapshot_days.snapshot_at >= stage_spans.entered_at
            and (
                snapshot_days.snapshot_at < stage_spans.exited_at
                or stage_spans.exited_at is null
            )
    inner join usual_stays
        on
            deal_days.date_day = usual_stays.date_day
            and stage_spans.stage = usual_stays.stage
            and rules.stalled_sample <= usual_stays.visit_count
),

worked_on as (
    select distinct
        activity_matches.opportunity_id,
        activities.occurred_date
    from activity_matches
    inner join activities
        on activity_matches.activity_id = activities.activity_id
),

first_activities as (
    select min(occurred_date) as first_day from worked_on
),

active_deal_days as (
    select distinct
        deal_days.opportunity_id,
        deal_days.date_day
    from deal_days
    inner join snapshot_days
        on deal_days.date_day = snapshot_days.date_day
    inner join worked_on
        on
            deal_days.opportunity_id = worked_on.opportunity_id
            and snapshot_days.inactive_from < worked_on.occurred_date
            and snapshot_days.date_day >= worked_on.occurred_date
),

judged_deals as (
    select
        deal_days.date_day,
        deal_days.user_id,
        coalesce(deal_days.amount, 0) as amount,
        coalesce(deal_days.close_date < deal_days.date_day, false) as is_overdue,
        coalesce(
            deal_days.close_date between deal_days.date_day and snapshot_days.coverage_end, false
        ) as is_due,
        coalesce(
            deal_days.close_date between deal_days.date_day and snapshot_days.maturity_end, false
        ) as is_due_for_maturity,
        deal_days.stage_order >= rules.mature_stage_order as is_mature,
        stays.opportunity_id is not null as has_usual_stay,
        coalesce(stays.days_in_stage > stays.usual_days, false) as is_stalled,
        -- where nobody logs activities, their absence says nothing
        coalesce(
            deal_days.created_date <= snapshot_days.inactive_from
            and first_activities.first_day <= snapshot_days.inactive_from,
            false
        ) as is_settled,
        active_deal_days.opportunity_id is null as is_inactive
    from deal_days
    inner join snapshot_days
        on deal_days.date_day = snapshot_days.date_day
    cross join rules
    cross join first_activities
    left join stays
        on
            deal_days.opportunity_id = stays.opportunity_id
            and deal_days.date_day = stays.date_day
    left join active_deal_days
        on
            deal_days.opportunity_id = active_deal_days.opportunity_id
            and deal_days.date_day = active_deal_days.date_day
),

deal_figures as (
    select
        date_day,
        user_id,
        max(amount) as largest_amount,
        count(*) as open_count,
        sum(amount) as open_amount,
        sum(case when is_due then amount else 0 end) as due_amount,
        sum(case when is_due_for_maturity then amount else 0 end) as maturity_amount,
        sum(case when is_due_for_maturity and is_mature then amount else 0 end) as mature_amount,
        sum(case when has_usual_stay then 1 else 0 end) as stage_count,
        sum(case when is_stalled then 1 else 0 end) as stalled_count,
        sum(case when is_settled then 1 else 0 end) as settled_count,
        sum(case when is_settled and is_inactive then 1 else 0 end) as inactive_count,
        sum(case when is_overdue then 1 else 0 end) as overdue_count
    from judged_deals
    group by
        date_day,
        user_id
),

opportunity_days as (
    {{ constant_opportunity_days('daily', 'currencies') }}
),

asked as (
    select
        slip_from as from_date,
        date_day as to_date,
        {{ days_after(1, 'slip_from') }} as due_from,
        date_day as due_to
    from snapshot_days
),

{{ pipeline_changes() }},

slip_figures as (
    select
        to_date as date_day,
        opening_owner_user_id as user_id,
        count(*) as slip_due_count,
        sum(case when bucket = 'pushed' then 1 else 0 end) as slip_pushed_count
    from pipeline_changes
    where was_in
    group by
        to_date,
        opening_owner_user_id
),

created_deals as (
    select
        daily.date_day as created_day,
        daily.amount,
        coalesce(daily.owner_user_id, 'unassigned') as user_id
    from opportunities
    inner join daily
        on
            opportunities.opportunity_id = daily.opportunity_id
            and cast({{ qualified_at() }} as date) = daily.date_day
    where not opportunities.is_deleted
),

created_figures as (
    select
        snapshot_days.date_day,
        created_deals.user_id,
        sum(coalesce(created_deals.amount, 0)) as created_amount
    from snapshot_days
    inner join created_deals
        on
            snapshot_days.creation_from < created_deals.created_day
            and snapshot_days.date_day >= created_deals.created_day
    group by
        snapshot_days.date_day,
        created_deals.user_id
),

closed_deals as (
    select
        close_date,
        is_won,
        is_eligible_for_win_rate,
        reached_qualification_at is not null as was_qualified,
        coalesce(amount, 0) as amount,
        coalesce(owner_user_id, 'unassigned') as user_id
    from opportunities
    where
        close_date is not null
        and (is_won or is_lost)
),

closed_days as (
    select
        snapshot_days.date_day,
        closed_deals.user_id,
        closed_deals.amount,
        closed_deals.is_won,
        closed_deals.was_qualified and closed_deals.is_eligible_for_win_rate as counts_by_value,
        closed_deals.is_eligible_for_win_rate as counts,
        closed_deals.close_date > snapshot_days.win_rate_from as is_recent,
        closed_deals.close_date > snapshot_days.year_from as is_in_year,
        closed_deals.close_date >= snapshot_days.quarter_start_date as is_in_quarter
    from snapshot_days
    inner join closed_deals
        on
            snapshot_days.date_day >= closed_deals.close_date
            and closed_deals.close_date
            > least(snapshot_days.year_from, snapshot_days.win_rate_from)
),

closed_figures as (
    select
        date_day,
        user_id,
        sum(case when is_won and is_in_quarter then amount else 0 end) as won_amount,
        sum(case when is_won and is_in_year and counts_by_value then amount else 0 end)
            as won_in_year,
        sum(case when not is_won and is_in_year and counts_by_value then amount else 0 end)
            as lost_in_year,
        sum(case when is_won and is_recent and counts then 1 else 0 end) as recently_won_count,
        sum(case when is_recent and counts then 1 else 0 end) as recently_closed_count,
        sum(case when is_won and is_in_year and counts then 1 else 0 end) as won_count,
        sum(case when is_in_year and counts then 1 else 0 end) as closed_count
    from closed_days
    group by
        date_day,
        user_id
),

-- a quota counts in the version of the day, by the days of its period that lie in the range
quota_ranges as (
    {%- for measure, range in {
        "quota": ["quarter_start_date", "quarter_end_date"],
        "next_quota": ["next_quarter_start_date", "next_quarter_end_date"],
        "creation_quota": [days_after(1, "creation_from"), "date_day"],
    }.items() %}
    {{ "union all" if not loop.first }}
    select
        date_day,
        snapshot_at,
        '{{ measure }}' as measure,
        {{ range[0] }} as first_day,
        {{ range[1] }} as last_day
    from snapshot_days
    {%- endfor %}
),

quota_shares as (
    select
        quota_ranges.date_day,
        quota_ranges.measure,
        quotas.user_id,
        quotas.amount,
        quotas.period_start,
        quotas.period_end,
        greatest(quotas.period_start, quota_ranges.first_day) as first_day,
        least({{ days_after(-1, 'quotas.period_end') }}, quota_ranges.last_day) as last_day
    from quota_ranges
    inner join quotas
        on
            quota_ranges.last_day >= quotas.period_start
            and quota_ranges.first_day < quotas.period_end
            and {{ holds_at('quotas', 'quota_ranges.snapshot_at') }}
),

quota_parts as (
    select
        *,
        {{ day_count('first_day', 'last_day') }} as days_in_range,
        {{ day_count('period_start', days_after(-1, 'period_end')) }} as days_in_period
    from quota_shares
),

quota_figures as (
    select
        date_day,
        user_id,
        measure,
        sum(
            cast(cast(amount as double) * days_in_range / days_in_period as decimal(18, 2))
        ) as figure
    from quota_parts
    group by
        date_day,
        user_id,
        measure
),

figures as (
    {%- for measure in deal_measures %}
    select
        date_day,
        user_id,
        '{{ measure }}' as measure,
        cast({{ measure }} as decimal(18, 2)) as figure
    from deal_figures
    union all
    {%- endfor %}
    {%- for measure in closed_measures %}
    select
        date_day,
        user_id,
        '{{ measure }}' as measure,
        cast({{ measure }} as decimal(18, 2)) as figure
    from closed_figures
    union all
    {%- endfor %}
    {%- for measure in ["slip_due_count", "slip_pushed_count"] %}
    select
        date_day,
        user_id,
        '{{ measure }}' as measure,
        cast({{ measure }} as decimal(18, 2)) as figure
    from slip_figures
    union all
    {%- endfor %}
    select
        date_day,
        user_id,
        'created_amount' as measure,
        cast(created_amount as decimal(18, 2)) as figure
    from created_figures
    union all
    select
        date_day,
        user_id,
        measure,
        cast(figure as decimal(18, 2)) as figure
    from quota_figures
    union all
    select
        date_day,
        user_id,
        'largest_amount' as measure,
        cast(largest_amount as decimal(18, 2)) as figure
    from deal_figures
),

owner_figures as (
    select
        date_day,
        user_id,
        {% for measure in summed_measures -%}
        sum(case when measure = '{{ measure }}' then figure end) as {{ measure }},
        {% endfor -%}
        max(case when measure = 'largest_amount' then figure end) as largest_amount
    from figures
    group by
        date_day,
        user_id
),

company_win_rates as (
    select
        date_day,
        sum(closed_count) as closed_count,
        cast(sum(won_in_year) as double)
        / nullif(cast(sum(won_in_year) + sum(lost_in_year) as double), 0) as win_rate
    from owner_figures
    group by date_day
),

owner_nodes as (
    {{ nodes_of_owner_days('owner_figures', 'user_nodes') }}
),

node_figures as (
    select
        owner_nodes.date_day,
        owner_nodes.hierarchy,
        owner_nodes.node_type,
        owner_nodes.node_id,
        owner_nodes.node_name,
        {% for measure in summed_measures -%}
        coalesce(sum(owner_figures.{{ measure }}), 0) as {{ measure }},
        {% endfor -%}
        coalesce(max(owner_figures.largest_amount), 0) as largest_amount
    from owner_figures
    inner join owner_nodes
        on
            owner_figures.user_id = owner_nodes.user_id
            and owner_figures.date_day = owner_nodes.date_day
    group by
        owner_nodes.date_day,
        owner_nodes.hierarchy,
        owner_nodes.node_type,
        owner_nodes.node_id,
        owner_nodes.node_name
),

-- a pipeline, or a quota that calls for one
judged_nodes as (
    select
        node_figures.*,
        rules.slip_sample,
        rules.win_rate_sample,
        case
            when company_win_rates.closed_count >= rules.creation_sample
                then company_win_rates.win_rate
        end as company_win_rate,
        cast(
            greatest(node_figures.quota - node_figures.won_amount, 0)
            -- next quarter's quota may not be known yet: then as much as this quarter's
            + coalesce(nullif(node_figures.next_quota, 0), node_figures.quota)
            * greatest(
                least(
                    cast(
                        {{ dbt.datediff(
                            'snapshot_days.quarter_end_date',
                            'snapshot_days.coverage_end',
                            'day'
                        ) }} as double
                    ) / nullif(
                        {{ day_count(
                            'snapshot_days.next_quarter_start_date',
                            'snapshot_days.next_quarter_end_date'
                        ) }},
                        0
                    ),
                    1
                ),
                0
            ) as decimal(18, 2)
        ) as wanted_amount
    from node_figures
    inner join snapshot_days
        on node_figures.date_day = snapshot_days.date_day
    inner join company_win_rates
        on node_figures.date_day = company_win_rates.date_day
    cross join rules
    where
        node_figures.open_count > 0
        or node_figures.quota > 0
),

{#- part: numerator, denominator, and when it can be judged -#}
{%- set measured_parts = {
    "coverage": ["due_amount", "wanted_amount", "quota + next_quota > 0"],
    "creation": [
        "created_amount", "creation_quota / nullif(company_win_rate, 0)", "creation_quota > 0"
    ],
    "stalled": ["stalled_count", "stage_count", "true"],
    "stage_maturity": ["mature_amount", "maturity_amount", "true"],
    "slip_rate": ["slip_pushed_count", "slip_due_count", "slip_due_count >= slip_sample"],
    "inactive": ["inactive_count", "settled_count", "true"],
    "win_rate_trend": [
        rate("recently_won_count", "recently_closed_count"), rate("won_count", "closed_count"),
        "recently_closed_count >= win_rate_sample"
    ],
    "overdue": ["overdue_count", "open_count", "true"],
    "concentration": ["largest_amount", "open_amount", "true"],
} %}

node_parts as (
    {%- for part, measured in measured_parts.items() %}
    {{ "union all" if not loop.first }}
    select
        date_day,
        hierarchy,
        node_type,
        node_id,
        node_name,
        '{{ part }}' as part,
        cast({{ measured[0] }} as decimal(18, 6)) as numerator,
        cast({{ measured[1] }} as decimal(18, 6)) as denominator,
        {{ measured[2] }} as is_judged
    from judged_nodes
    {%- endfor %}
),

valued as (
    select
        node_parts.date_day,
        node_parts.hierarchy,
        node_parts.node_type,
        node_parts.node_id,
        node_parts.node_name,
        parts.part,
        parts.label,
        parts.unit,
        parts.weight,
        parts.target,
        parts.floor,
        parts.warning_score,
        parts.warning_drop,
        parts.history_weeks,
        node_parts.numerator,
        node_parts.denominator,
        case
            when node_parts.is_judged
                then {{ rate('node_parts.numerator', 'node_parts.denominator') }}
        end as part_value
    from node_parts
    inner join parts
        on node_parts.part = parts.part
),

scored as (
    select
        *,
        case
            when part_value is not null
                then
                    cast(
                        100 * greatest(
                            least(
                                (cast(part_value as double) - cast(floor as double))
                                / nullif(cast(target as double) - cast(floor as double), 0),
                                1
                            ),
                            0
                        ) as decimal(9, 2)
                    )
        end as score
    from valued
),

histories as (
    select
        scored.date_day,
        scored.hierarchy,
        scored.node_type,
        scored.node_id,
        scored.part,
        avg(earlier.score) as history_score
    from scored
    inner join scored as earlier
        on
            scored.hierarchy = earlier.hierarchy
            and scored.node_type = earlier.node_type
            and scored.node_id = earlier.node_id
            and scored.part = earlier.part
            and scored.date_day > earlier.date_day
            and earlier.date_day
            >= {{ days_after('-7 * scored.history_weeks', 'scored.date_day') }}
    group by
        scored.date_day,
        scored.hierarchy,
        scored.node_type,
        scored.node_id,
        scored.part
),

warned as (
    select
        scored.*,
        cast(histories.history_score as decimal(9, 2)) as history_score,
        coalesce(scored.score < scored.warning_score, false) as is_low,
        coalesce(histories.history_score - scored.score >= scored.warning_drop, false)
            as has_dropped
    from scored
    left join histories
        on
            scored.date_day = histories.date_day
            and scored.hierarchy = histories.hierarchy
            and scored.node_type = histories.node_type
            and scored.node_id = histories.node_id
            and scored.part = histories.part
),

-- days of one uninterrupted warning have the same number of days without one before them
numbered as (
    select
        *,
        is_low or has_dropped as is_warning,
        sum(case when is_low or has_dropped then 0 else 1 end) over (
            partition by hierarchy, node_type, node_id, part
            order by date_day
            rows between unbounded preceding and current row
        ) as quiet_count
    from warned
),

dated as (
    select
        *,
        case
            when is_warning
                then min(case when is_warning then date_day end) over (
                    partition by hierarchy, node_type, node_id, part, quiet_count
                )
        end as warning_since
    from numbered
),

worded as (
    select
        *,
        {% for figure in ["part_value", "target"] -%}
        case unit
            when 'share'
                then
                    cast(cast(round(100 * {{ figure }}) as bigint) as {{ dbt.type_string() }})
                    || ' %'
            else
                cast(cast({{ figure }} as decimal(18, 2)) as {{ dbt.type_string() }})
                || ' times'
        end as {{ figure }}_text,
        {% endfor -%}
        cast(cast(round(score) as bigint) as {{ dbt.type_string() }}) as score_text,
        cast(cast(round(history_score) as bigint) as {{ dbt.type_string() }}) as history_text
    from dated
),

final as (
    select
        worded.date_day,
        worded.hierarchy,
        worded.node_type,
        worded.node_id,
        worded.node_name,
        worded.part,
        worded.label,
        worded.weight,
        worded.target,
        worded.floor,
        worded.numerator,
        worded.denominator,
        worded.part_value,
        worded.score,
        worded.history_score,
        worded.is_low,
        worded.has_dropped,
        worded.is_warning,
        worded.warning_since,
        case
            when worded.is_warning
                then
                    worded.label || ': ' || worded.part_value_text || ', healthy is '
                    || worded.target_text || '. Score ' || worded.score_text
                    || case
                        when worded.has_dropped
                            then
                                ', down from ' || worded.history_text || ' on average over '
                                || {{ counted('worded.history_weeks', 'week') }}
                        else ''
                    end
                    || '; a warning since '
                    || cast(worded.warning_since as {{ dbt.type_string() }}) || '.'
        end as sentence,
        clock.as_of_date
    from worded
    cross join clock
)

select * from final
order by date_day, hierarchy, node_type, node_id, part
