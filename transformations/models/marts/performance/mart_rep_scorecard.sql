{%- set compared = {
    "bookings_amount": "desc",
    "attainment_rate": "desc",
    "win_rate": "desc",
    "average_deal_amount": "desc",
    "average_cycle_days": "asc",
    "new_opportunity_count": "desc",
    "pipeline_created_amount": "desc",
    "coverage_rate": "desc",
    "activity_count": "desc",
    "meetings_held_count": "desc",
} -%}
{#- Sums over the days of a period, as in the CTE `facts`, and their types. -#}
{%- set summed = {
    "bookings_amount": "decimal(18, 2)",
    "bookings_amount_constant": "decimal(18, 2)",
    "credited_count": "bigint",
    "overlay_amount": "decimal(18, 2)",
    "won_count": "bigint",
    "lost_count": "bigint",
    "won_amount": "decimal(18, 2)",
    "won_amount_count": "bigint",
    "cycle_days": "bigint",
    "cycle_count": "bigint",
    "new_opportunity_count": "bigint",
    "pipeline_created_amount": "decimal(18, 2)",
    "pipeline_created_count": "bigint",
    "activity_count": "bigint",
    "email_count": "bigint",
    "call_count": "bigint",
    "meeting_count": "bigint",
    "meetings_held_count": "bigint",
} -%}

with

periods as (
    select * from {{ ref('mart_reporting_period') }}
    where period_type in ('month', 'fiscal_quarter')
),

dates as (
    select * from {{ ref('dim_date') }}
),

user_versions as (
    select * from {{ ref('dim_user') }}
),

accounts as (
    select * from {{ ref('dim_account') }}
    where is_current
),

opportunities as (
    select * from {{ ref('fct_opportunity') }}
    where not is_deleted
),

splits as (
    select * from {{ ref('fct_opportunity_split') }}
),

daily as (
    select * from {{ ref('fct_opportunity_daily') }}
),

activities as (
    select * from {{ ref('fct_activity') }}
    where not is_automated and {{ has_taken_place() }}
),

quota_attainment as (
    select * from {{ ref('mart_quota_attainment') }}
),

ramp_schedule as (
    select * from {{ ref('ramp_schedule') }}
),

-- What happened on a day, whom it counts for, and how much.
facts as (
    select
        splits.user_id,
        opportunities.close_date as happened_on,
        'bookings_amount' as measure,
        coalesce(splits.amount, 0) as value
    from opportunities
    inner join splits on opportunities.opportunity_id = splits.opportunity_id
    where opportunities.is_won and splits.role_type = 'revenue'
    union all
    select
        splits.user_id,
        opportunities.close_date as happened_on,
        'bookings_amount_constant' as measure,
        coalesce(splits.amount_constant, 0) as value
    from opportunities
    inner join splits on opportunities.opportunity_id = splits.opportunity_id
    where opportunities.is_won and splits.role_type = 'revenue'
    union all
    select
        splits.user_id,
        opportunities.close_date as happened_on,
        'credited_count' as measure,
        1 as value
    from opportunities
    inner join splits on opportunities.opportunity_id = splits.opportunity_id
    where opportunities.is_won and splits.role_type = 'revenue'
    union all
    select
        splits.user_id,
        opportunities.close_date as happened_on,
        'overlay_amount' as measure,
        coalesce(splits.amount, 0) as value
    from opportunities
    inner join splits on opportunities.opportunity_id = splits.opportunity_id
    where opportunities.is_won and splits.role_type = 'overlay'
    union all
    select
        owner_user_id as user_id,
        close_date as happened_on,
        case when is_won then 'won_count' else 'lost_count' end as measure,
        1 as value
    from opportunities
    where is_eligible_for_win_rate
    union all
    select
        owner_user_id as user_id,
        close_date as happened_on,
        'won_amount' as measure,
        amount as value
    from opportunities
    where is_won and amount is not null
    union all
    select
        owner_user_id as user_id,
        close_date as happened_on,
        'won_amount_count' as measure,
        1 as value
    from opportunities
    where is_won and amount is not null
    union all
    select
        owner_user_id as user_id,
        close_date as happened_on,
        'cycle_days' as measure,
        days_to_close as value
    from opportunities
    where is_won and is_eligible_for_cycle
    union all
    select
        owner_user_id as user_id,
        close_date as happened_on,
        'cycle_count' as measure,
        1 as value
    from opportunities
    where is_won and is_eligible_for_cycle
    union all
    select
        daily.owner_user_id as user_id,
        daily.date_day as happened_on,
        'new_opportunity_count' as measure,
        1 as value
    from opportunities
    inner join daily
        on
            opportunities.opportunity_id = daily.opportunity_id
            and opportunities.created_date = daily.date_day
    union all
    -- the amount on the day of qualification, whatever became of it
    select
        daily.owner_user_id as user_id,
        daily.date_day as happened_on,
        'pipeline_created_amount' as measure,
        coalesce(daily.amount, 0) as value
    from opportunities
    inner join daily
        on
            opportunities.opportunity_id = daily.opportunity_id
            and cast({{ qualified_at() }} as date) = daily.date_day
    union all
    select
        daily.owner_user_id as user_id,
        daily.date_day as happened_on,
        'pipeline_created_count' as measure,
        1 as value
    from opportunities
    inner join daily
        on
            opportunities.opportunity_id = daily.opportunity_id
            and cast({{ qualified_at() }} as date) = daily.date_day
    {%- for measure, condition in {
        "activity_count": "true",
        "email_count": "activity_type = 'email'",
        "call_count": "activity_type = 'call'",
        "meeting_count": "activity_type = 'meeting'",
        "meetings_held_count": "activity_type = 'meeting' and " ~ is_two_way(),
    }.items() %}
    union all
    select
        user_id,
        occurred_date as happened_on,
        '{{ measure }}' as measure,
        count(*) as value
    from activities
    where {{ condition }}
    group by user_id, occurred_date
    {%- endfor %}
),

sums as (
    select
        coalesce(facts.user_id, 'unassigned') as user_id,
        periods.period_type,
        periods.period_start,
    {% for name in summed -%}
    sum(case when facts.measure = '{{ name }}' then facts.value end) as {{ name }}
    {{- "," if not loop.last }}
    {% endfor %}
    from facts
    inner join periods
        on
            facts.happened_on between periods.period_start and periods.period_end
            and facts.happened_on <= periods.as_of_date
    group by
        coalesce(facts.user_id, 'unassigned'),
        periods.period_type,
        periods.period_start
),

-- Pipeline on the eve of a period that was to close within it.
opening as (
    select
        coalesce(daily.owner_user_id, 'unassigned') as user_id,
        periods.period_type,
        periods.period_start,
        sum(daily.amount) as opening_pipeline_amount
    from periods
    inner join daily
        on
            daily.date_day = {{ days_after(-1, 'periods.period_start') }}
            and daily.close_date between periods.period_start and periods.period_end
            and daily.is_open
    group by
        coalesce(daily.owner_user_id, 'unassigned'),
        periods.period_type,
        periods.period_start
),

-- A quota of bookings is spread over the business days of its period.
quota_days as (
    select
        quota_attainment.user_id,
        dates.date_day,
        cast(
            quota_attainment.quota_amount / count(*) over (
                partition by
                    quota_attainment.user_id,
                    quota_attainment.period_start,
                    quota_attainment.period_end
            ) as decimal(28, 10)
        ) as quota_of_day
    from quota_attainment
    inner join dates
        on
            dates.date_day
            between quota_attainment.period_start and quota_attainment.period_end
            and dates.is_business_day
    where quota_attainment.measure = 'bookings' and quota_attainment.quota_amount is not null
),

quotas as (
    select
        quota_days.user_id,
        periods.period_type,
        periods.period_start,
        cast(sum(quota_days.quota_of_day) as decimal(18, 2)) as quota_amount
    from quota_days
    inner join periods
        on quota_days.date_day between periods.period_start and periods.period_end
    group by quota_days.user_id, periods.period_type, periods.period_start
),

-- Qualified opportunities are credited by quota period; those within the period count.
qualified as (
    select
        quota_attainment.user_id,
        periods.period_type,
        periods.period_start,
        cast(sum(quota_attainment.attained_amount) as bigint) as qualified_count,
        cast(sum(quota_attainment.quota_amount) as decimal(18, 2)) as qualified_quota
    from quota_attainment
    inner join periods
        on
            quota_attainment.period_start >= periods.period_start
            and quota_attainment.period_end <= periods.period_end
    where quota_attainment.measure = 'qualified_opportunities'
    group by quota_attainment.user_id, periods.period_type, periods.period_start
),

user_spans as (
    {{ held_versions('user_versions', 'user_id') }}
),

-- Everybody as of the end of the period, or of as_of_date while it runs.
people as (
    select
        user_spans.user_id,
        users.name as user_name,
        user_spans.role,
        user_spans.manager_user_id,
        user_spans.team,
        user_spans.region,
        users.hired_on,
        users.left_on,
        periods.period_type,
        periods.period_name,
        periods.period_start,
        periods.period_end,
        periods.period_end <= periods.as_of_date as is_complete_period,
        least(periods.period_end, periods.as_of_date) as last_day,
        periods.as_of_date
    from periods
    inner join user_spans
        on
            cast({{ days_after(1, 'least(periods.period_end, periods.as_of_date)') }} as timestamp)
            > user_spans.held_from
            and (
                cast(
                    {{ days_after(1, 'least(periods.period_end, periods.as_of_date)') }}
                    as timestamp
                ) <= user_spans.valid_to
                or user_spans.valid_to is null
            )
    inner join user_versions as users
        on user_spans.user_id = users.user_id and users.is_current
    union all
    select
        'unassigned' as user_id,
        'Unassigned' as user_name,
        cast(null as {{ dbt.type_string() }}) as role,
        cast(null as {{ dbt.type_string() }}) as manager_user_id,
        cast(null as {{ dbt.type_string() }}) as team,
        cast(null as {{ dbt.type_string() }}) as region,
        cast(null as date) as hired_on,
        cast(null as date) as left_on,
        period_type,
        period_name,
        period_start,
        period_end,
        period_end <= as_of_date as is_complete_period,
        least(period_end, as_of_date) as last_day,
        as_of_date
    from periods
),

employment as (
    select
        people.user_id,
        people.period_type,
        people.period_start,
        count(*) as business_day_count,
        sum(
            case
                when
                    dates.date_day >= people.hired_on
                    and (dates.date_day <= people.left_on or people.left_on is null)
                    then 1
                else 0
            end
        ) as employed_day_count
    from people
    inner join dates
        on
            dates.date_day between people.period_start and people.last_day
            and dates.is_business_day
    where people.hired_on is not null
    group by people.user_id, people.period_type, people.period_start
),

-- A seller's segment is the one of most opportunities created in the year up to the last day.
segment_counts as (
    select
        people.user_id,
        people.period_type,
        people.period_start,
        accounts.segment,
        count(*) as opportunity_count
    from people
    inner join opportunities
        on
            people.user_id = opportunities.owner_user_id
            and people.last_day >= opportunities.created_date
            and opportunities.created_date > {{ days_after(-365, 'people.last_day') }}
    inner join accounts on opportunities.account_id = accounts.account_id
    where accounts.segment is not null
    group by people.user_id, people.period_type, people.period_start, accounts.segment
),

segments as (
    select
        *,
        row_number() over (
            partition by user_id, period_type, period_start
            order by opportunity_count desc, segment asc
        ) as place
    from segment_counts
),

joined as (
    select
        people.*,
        coalesce(segments.segment, 'Unknown') as segment,
        coalesce(ramp_schedule.ramp_share, 1) < 1 as is_ramping,
        coalesce(people.left_on <= people.last_day, false) as is_leaver,
        {{ rate('employment.employed_day_count', 'employment.business_day_count') }}
            as employed_share,
        employment.employed_day_count > 0
        and people.role in ('AE', 'BDR', 'SE', 'manager') as is_seller,
        sums.user_id is not null
        or opening.user_id is not null
        or quotas.user_id is not null
        or qualified.user_id is not null as has_figures,
        {% for name, type in summed.items() -%}
        cast(coalesce(sums.{{ name }}, 0) as {{ type }}) as {{ name }},
        {% endfor -%}
        quotas.quota_amount,
        qualified.qualified_count,
        qualified.qualified_quota,
        cast(coalesce(opening.opening_pipeline_amount, 0) as decimal(18, 2))
            as opening_pipeline_amount
    from people
    left join employment
        on
            people.user_id = employment.user_id
            and people.period_type = employment.period_type
            and people.period_start = employment.period_start
    left join segments
        on
            people.user_id = segments.user_id
            and people.period_type = segments.period_type
            and people.period_start = segments.period_start
            and segments.place = 1
    left join ramp_schedule
        on {{ ramp_at(
            'ramp_schedule', 'people.role', 'people.hired_on', 'people.period_start'
        ) }}
    {%- for relation in ["sums", "opening", "quotas", "qualified"] %}
    left join {{ relation }}
        on
            people.user_id = {{ relation }}.user_id
            and people.period_type = {{ relation }}.period_type
            and people.period_start = {{ relation }}.period_start
    {%- endfor %}
),

rated as (
    select
        *,
        won_count + lost_count as closed_count,
        {{ rate('bookings_amount', 'quota_amount') }} as attainment_rate,
        {{ rate('qualified_count', 'qualified_quota') }} as qualified_attainment_rate,
        {{ rate('won_count', 'won_count + lost_count') }} as win_rate,
        cast(won_amount / nullif(won_amount_count, 0) as decimal(18, 2)) as average_deal_amount,
        cast(cycle_days / cast(nullif(cycle_count, 0) as double) as decimal(18, 2))
            as average_cycle_days,
        {{ rate('opening_pipeline_amount', 'quota_amount') }} as coverage_rate
    from joined
    where coalesce(is_seller, false) or has_figures
),

-- Peers are sellers of the same role, segment and ramp in the same period.
peers as (
    {%- for name, direction in compared.items() %}
    {%- if not loop.first %}
    union all
    {%- endif %}
    select
        user_id,
        period_type,
        period_start,
        role,
        segment,
        is_ramping,
        '{{ name }}' as measure,
        {{ "-" if direction == "asc" }}cast({{ name }} as double) as standing
    from rated
    where is_seller and {{ name }} is not null
    {%- endfor %}
),

placed as (
    select
        *,
        count(*) over (
            partition by period_type, period_start, role, segment, is_ramping, measure
        ) as peer_count,
        rank() over (
            partition by period_type, period_start, role, segment, is_ramping, measure
            order by standing
        ) - 1 as below_count,
        count(*) over (
            partition by period_type, period_start, role, segment, is_ramping, measure, standing
        ) as tied_count
    from peers
),

percentiles as (
    select
        user_id,
        period_type,
        period_start,
    {% for name in compared -%}
    max(
        case
            when measure = '{{ name }}' and peer_count >= {{ var('minimum_peer_count') }}
                then {{ rate('below_count + 0.5 * tied_count', 'peer_count') }}
        end
    ) as {{ name }}_percentile
    {{- "," if not loop.last }}
    {% endfor %}
    from placed
    group by user_id, period_type, period_start
),

-- Among everybody of the role, the same figure has the same rank.
ranked as (
    select
        user_id,
        period_type,
        period_start,
        rank() over (
            partition by period_type, period_start, role
            order by bookings_amount desc
        ) as bookings_rank,
        case
            when attainment_rate is not null
                then rank() over (
                    partition by period_type, period_start, role
                    order by attainment_rate desc nulls last
                )
        end as attainment_rank,
        count(*) over (partition by period_type, period_start, role) as ranked_count,
        count(*) over (
            partition by period_type, period_start, role, segment, is_ramping
        ) as peer_count
    from rated
    where is_seller
),

final as (
    select
        rated.user_id,
        rated.user_name,
        rated.period_type,
        rated.period_name,
        rated.period_start,
        rated.period_end,
        rated.is_complete_period,
        rated.role,
        rated.manager_user_id,
        rated.team,
        rated.region,
        rated.segment,
        rated.is_ramping,
        rated.is_leaver,
        coalesce(rated.is_seller, false) as is_seller,
        rated.employed_share,
        {% for name in summed -%}
        rated.{{ name }},
        {% endfor -%}
        rated.closed_count,
        rated.win_rate,
        rated.average_deal_amount,
        rated.average_cycle_days,
        rated.quota_amount,
        rated.attainment_rate,
        rated.qualified_count,
        rated.qualified_quota,
        rated.qualified_attainment_rate,
        rated.opening_pipeline_amount,
        rated.coverage_rate,
        case
            when rated.is_seller
                then
                    rated.role || ' · ' || rated.segment
                    || case when rated.is_ramping then ' · ramping' else ' · ramped' end
        end as peer_group,
        cast(ranked.peer_count as bigint) as peer_count,
        {% for name in compared -%}
        percentiles.{{ name }}_percentile,
        {% endfor -%}
        cast(ranked.bookings_rank as bigint) as bookings_rank,
        cast(ranked.attainment_rank as bigint) as attainment_rank,
        cast(ranked.ranked_count as bigint) as ranked_count,
        rated.as_of_date
    from rated
    left join percentiles
        on
            rated.user_id = percentiles.user_id
            and rated.period_type = percentiles.period_type
            and rated.period_start = percentiles.period_start
    left join ranked
        on
            rated.user_id = ranked.user_id
            and rated.period_type = ranked.period_type
            and rated.period_start = ranked.period_start
)

select * from final
order by period_start, period_type, user_id
