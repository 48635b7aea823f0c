{#- How many months ahead of as_of_date the plan looks. -#}
{%- set months_ahead = 12 -%}

with

dates as (
    select * from {{ ref('dim_date') }}
),

user_versions as (
    select * from {{ ref('dim_user') }}
),

quota_versions as (
    select * from {{ ref('fct_quota') }}
    where is_current and measure = 'bookings'
),

quota_attainment as (
    select * from {{ ref('mart_quota_attainment') }}
    where measure = 'bookings' and quota_amount > 0
),

scorecards as (
    select * from {{ ref('mart_rep_scorecard') }}
    where period_type = 'month'
),

ramp_schedule as (
    select * from {{ ref('ramp_schedule') }}
),

clock as (
    select {{ as_of_date() }} as as_of_date
),

first_quota as (
    select min(period_start) as first_day from quota_versions
),

-- From the month of the first quota on. What was known of a month before it began is judged at
-- `known_on`, what is still to come as of tomorrow.
months as (
    select
        dates.month_start_date as month_start,
        dates.month_end_date as month_end,
        clock.as_of_date,
        least(
            dates.month_start_date,
            cast({{ dbt.dateadd('day', 1, 'clock.as_of_date') }} as date)
        ) as known_on,
        greatest(
            {{ dbt.datediff('clock.as_of_date', 'dates.month_start_date', 'month') }}, 0
        ) as months_ahead,
        sum(case when dates.is_business_day then 1 else 0 end) as business_day_count
    from dates
    cross join clock
    cross join first_quota
    where
        dates.month_end_date >= first_quota.first_day
        and dates.month_start_date
        <= {{ dbt.dateadd('month', months_ahead, 'clock.as_of_date') }}
    group by dates.month_start_date, dates.month_end_date, clock.as_of_date
),

user_spans as (
    {{ held_versions('user_versions', 'user_id') }}
),

-- Who is switched off without a last day is taken to have left when that was recorded.
people as (
    select
        user_id,
        name as user_name,
        coalesce(hired_on, cast('1900-01-01' as date)) as hired_on,
        coalesce(
            left_on,
            case
                when not coalesce(is_active, true) or is_deleted then cast(valid_from as date)
            end
        ) as departed_on,
        role as role_now
    from user_versions
    where is_current
),

quota_roles as (
    select distinct user_spans.role
    from quota_versions
    inner join user_spans on quota_versions.user_id = user_spans.user_id
    where user_spans.is_current and user_spans.role is not null
),

-- Everybody of a role that carries quotas of bookings, in each month of employment, with role and
-- place as they were at the end of the month or are on as_of_date.
staff as (
    select
        people.user_id,
        people.user_name,
        people.hired_on,
        people.departed_on,
        user_spans.role,
        user_spans.manager_user_id,
        user_spans.team,
        user_spans.region,
        months.month_start,
        months.month_end,
        months.known_on,
        months.months_ahead,
        months.business_day_count,
        months.as_of_date
    from months
    inner join people
        on
            months.month_end >= people.hired_on
            and (months.month_start <= people.departed_on or people.departed_on is null)
    inner join user_spans
        on
            people.user_id = user_spans.user_id
            and cast({{ days_after(1, 'least(months.month_end, months.as_of_date)') }} as timestamp)
            > user_spans.held_from
            and (
                cast({{ days_after(1, 'least(months.month_end, months.as_of_date)') }} as timestamp)
                <= user_spans.valid_to
                or user_spans.valid_to is null
            )
    inner join quota_roles on user_spans.role = quota_roles.role
),

employed_days as (
    select
        staff.user_id,
        staff.month_start,
        count(*) as employed_day_count
    from staff
    inner join dates
        on
            dates.date_day between staff.month_start and staff.month_end
            and staff.hired_on <= dates.date_day
            and (staff.departed_on >= dates.date_day or staff.departed_on is null)
            and dates.is_business_day
    group by staff.user_id, staff.month_start
),

-- The full quota of a period is the one given over what the ramp asks at its start.
full_quotas as (
    select
        quota_versions.user_id,
        people.role_now as role,
        quota_versions.period_start,
        quota_versions.period_end,
        quota_versions.amount,
        quota_versions.amount / coalesce(ramp_schedule.ramp_share, 1) as full_amount,
        greatest(
            {{ dbt.datediff('quota_versions.period_start', 'quota_versions.period_end', 'month') }},
            1
        ) as month_count,
        row_number() over (
            partition by quota_versions.user_id
            order by quota_versions.period_start desc, quota_versions.period_end desc
        ) as recency
    from quota_versions
    inner join people on quota_versions.user_id = people.user_id
    left join ramp_schedule
        on {{ ramp_at(
            'ramp_schedule', 'people.role_now', 'people.hired_on',
            'quota_versions.period_start'
        ) }}
    where quota_versions.amount is not null
),

quota_days as (
    select
        full_quotas.user_id,
        dates.date_day,
        dates.month_start_date as month_start,
        cast(
            full_quotas.amount / count(*) over (
                partition by
                    full_quotas.user_id, full_quotas.period_start, full_quotas.period_end
            ) as decimal(28, 10)
        ) as quota_of_day,
        cast(
            full_quotas.full_amount / count(*) over (
                partition by
                    full_quotas.user_id, full_quotas.period_start, full_quotas.period_end
            ) as decimal(28, 10)
        ) as full_quota_of_day
    from full_quotas
    inner join dates
        on
            full_quotas.period_start <= dates.date_day
            and full_quotas.period_end > dates.date_day
            and dates.is_business_day
),

assigned as (
    select
        user_id,
        month_start,
        cast(sum(quota_of_day) as decimal(18, 2)) as quota_amount,
        cast(sum(full_quota_of_day) as decimal(18, 2)) as full_quota_amount
    from quota_days
    group by user_id, month_start
),

carried as (
    select
        user_id,
        role,
        cast(full_amount / month_count as decimal(18, 2)) as full_quota_amount
    from full_quotas
    where recency = 1
),

of_peers as (
    select
        role,
        cast({{ median_double('full_quota_amount') }} as decimal(18, 2)) as full_quota_amount
    from carried
    group by role
),

-- What sellers of the role reached of their quotas in the year before.
role_months as (
    select distinct
        role,
        month_start,
        known_on
    from staff
),

expectations as (
    select
        role_months.role,
        role_months.month_start,
        sum(quota_attainment.attained_amount) as attained_amount,
        sum(quota_attainment.quota_amount) as quota_amount
    from role_months
    inner join quota_attainment
        on
            role_months.role = quota_attainment.stamped_role
            and role_months.known_on > quota_attainment.period_end
            and quota_attainment.period_end
            >= {{ dbt.dateadd('month', -12, 'role_months.known_on') }}
    group by role_months.role, role_months.month_start
),

-- Of those who were there on the first day of a month, how many left in the course of it.
headcounts as (
    select
        role,
        month_start,
        month_end,
        sum(case when hired_on <= month_start then 1 else 0 end) as person_months,
        sum(
            case
                when hired_on <= month_start and departed_on between month_start and month_end
                    then 1
                else 0
            end
        ) as left_count
    from staff
    group by role, month_start, month_end
),

attrition as (
    select
        role_months.role,
        role_months.month_start,
        sum(headcounts.person_months) as person_months,
        sum(headcounts.left_count) as left_count
    from role_months
    inner join headcounts
        on
            role_months.role = headcounts.role
            and role_months.known_on > headcounts.month_end
            and headcounts.month_start
            >= {{ dbt.dateadd('month', -12, dbt.date_trunc('month', 'role_months.known_on')) }}
    group by role_months.role, role_months.month_start
),

planned as (
    select
        staff.*,
        staff.hired_on between staff.month_start and staff.month_end as is_hired,
        coalesce(staff.departed_on between staff.month_start and staff.month_end, false)
            as is_leaver,
        staff.month_start > staff.as_of_date as is_future,
        {{ rate('coalesce(employed_days.employed_day_count, 0)', 'staff.business_day_count') }}
            as employed_share,
        greatest({{ whole_months('staff.hired_on', 'staff.month_start') }}, 0)
            as months_since_hire,
        cast(coalesce(ramp_schedule.ramp_share, 1) as decimal(18, 6)) as ramp_share,
        assigned.quota_amount,
        coalesce(
            assigned.full_quota_amount, carried.full_quota_amount, of_peers.full_quota_amount
        ) as full_quota_amount,
        case
            when assigned.full_quota_amount is not null then 'assigned'
            when carried.full_quota_amount is not null then 'carried'
            when of_peers.full_quota_amount is not null then 'peers'
        end as quota_basis,
        expectations.attained_amount as expectation_attained_amount,
        expectations.quota_amount as expectation_quota_amount,
        {{ rate('expectations.attained_amount', 'expectations.quota_amount') }}
            as expected_attainment_rate,
        attrition.left_count,
        attrition.person_months,
        {{ rate('attrition.left_count', 'attrition.person_months') }} as monthly_attrition_rate,
        scorecards.bookings_amount
    from staff
    left join employed_days
        on
            staff.user_id = employed_days.user_id
            and staff.month_start = employed_days.month_start
    left join ramp_schedule
        on {{ ramp_at('ramp_schedule', 'staff.role', 'staff.hired_on', 'staff.month_start') }}
    left join assigned
        on staff.user_id = assigned.user_id and staff.month_start = assigned.month_start
    left join carried on staff.user_id = carried.user_id
    left join of_peers on staff.role = of_peers.role
    left join expectations
        on staff.role = expectations.role and staff.month_start = expectations.month_start
    left join attrition
        on staff.role = attrition.role and staff.month_start = attrition.month_start
    left join scorecards
        on staff.user_id = scorecards.user_id and staff.month_start = scorecards.period_start
),

-- Who was there stays counted; each month ahead loses what the attrition takes.
ramped as (
    select
        *,
        cast(cast(full_quota_amount as double) * ramp_share * employed_share as decimal(18, 2))
            as ramped_quota_amount,
        cast(
            power(1 - cast(coalesce(monthly_attrition_rate, 0) as double), months_ahead)
            as decimal(18, 6)
        ) as retention_share
    from planned
),

final as (
    select
        user_id,
        user_name,
        month_start,
        month_end,
        is_future,
        role,
        manager_user_id,
        team,
        region,
        is_hired,
        is_leaver,
        cast(months_since_hire as integer) as months_since_hire,
        employed_share,
        quota_amount,
        quota_basis,
        full_quota_amount,
        ramp_share,
        ramped_quota_amount,
        cast(expectation_attained_amount as decimal(18, 2)) as expectation_attained_amount,
        cast(expectation_quota_amount as decimal(18, 2)) as expectation_quota_amount,
        expected_attainment_rate,
        cast(left_count as bigint) as left_count,
        cast(person_months as bigint) as person_months,
        monthly_attrition_rate,
        retention_share,
        cast(
            cast(full_quota_amount as double) * ramp_share * employed_share
            * coalesce(expected_attainment_rate, 1)
            * power(1 - cast(coalesce(monthly_attrition_rate, 0) as double), months_ahead)
            as decimal(18, 2)
        ) as capacity_amount,
        case when not is_future then cast(coalesce(bookings_amount, 0) as decimal(18, 2)) end
            as bookings_amount,
        as_of_date
    from ramped
)

select * from final
order by month_start, user_id
