with

quota_versions as (
    select * from {{ ref('fct_quota') }}
),

user_versions as (
    select * from {{ ref('dim_user') }}
),

opportunities as (
    select * from {{ ref('fct_opportunity') }}
    where not is_deleted
),

splits as (
    select * from {{ ref('fct_opportunity_split') }}
    where role_type = 'revenue'
),

ramp_schedule as (
    select * from {{ ref('ramp_schedule') }}
),

events as (
    select * from {{ ref('fct_opportunity_event') }}
),

lead_versions as (
    select * from {{ ref('dim_lead') }}
),

dates as (
    select * from {{ ref('dim_date') }}
),

clock as (
    select {{ as_of_date() }} as as_of_date
),

-- Periods that have begun. A period's end is its last day.
versions as (
    select
        quota_versions.*,
        cast({{ dbt.dateadd('day', -1, 'quota_versions.period_end') }} as date) as last_day,
        case
            when quota_versions.version_number = 1 then quota_versions.period_start
            else cast(quota_versions.valid_from as date)
        end as in_force_from,
        coalesce(cast(quota_versions.valid_to as date), quota_versions.period_end) as in_force_to,
        clock.as_of_date
    from quota_versions
    cross join clock
    where quota_versions.period_start <= clock.as_of_date
),

-- Each version counts for the business days on which it was in force.
version_days as (
    select
        versions.user_id,
        versions.measure,
        versions.period_start,
        versions.last_day,
        sum(
            case
                when
                    dates.date_day >= versions.in_force_from
                    and dates.date_day < versions.in_force_to
                    then versions.amount
            end
        ) as amount_days,
        count(distinct dates.date_day) as business_day_count
    from versions
    inner join dates
        on
            dates.date_day between versions.period_start and versions.last_day
            and dates.is_business_day
    group by versions.user_id, versions.measure, versions.period_start, versions.last_day
),

first_versions as (
    select
        user_id,
        measure,
        period_start,
        last_day,
        max(case when version_number = 1 then amount end) as initial_amount,
        count(*) as version_count
    from versions
    group by user_id, measure, period_start, last_day
),

-- What counts is the version in force on as_of_date: a quota is revised for the whole period.
quotas as (
    select
        versions.user_id,
        versions.measure,
        versions.period_start,
        versions.last_day as period_end,
        versions.amount as quota_amount,
        first_versions.initial_amount as initial_quota_amount,
        first_versions.version_count > 1 as is_revised,
        cast(
            version_days.amount_days / nullif(version_days.business_day_count, 0)
            as decimal(18, 2)
        ) as prorated_quota_amount,
        versions.as_of_date
    from versions
    left join first_versions
        on
            versions.user_id = first_versions.user_id
            and versions.measure = first_versions.measure
            and versions.period_start = first_versions.period_start
            and versions.last_day = first_versions.last_day
    left join version_days
        on
            versions.user_id = version_days.user_id
            and versions.measure = version_days.measure
            and versions.period_start = version_days.period_start
            and versions.last_day = version_days.last_day
    where versions.is_current
),

-- Who may have brought in an opportunity, the best evidence first: who owned the lead when it was
-- converted, who created the opportunity, who owned it at first.
sourcing_candidates as (
    select
        conversions.converted_opportunity_id as opportunity_id,
        lead_versions.owner_user_id as user_id,
        1 as evidence,
        conversions.converted_at as seen_at
    from lead_versions as conversions
    inner join lead_versions
        on
            conversions.lead_id = lead_versions.lead_id
            and {{ holds_at('lead_versions', 'conversions.converted_at') }}
    where conversions.is_current and conversions.converted_opportunity_id is not null
    union all
    select
        opportunity_id,
        changed_by_user_id as user_id,
        2 as evidence,
        changed_at as seen_at
    from events
    where field = 'stage' and old_value is null
    union all
    select
        opportunity_id,
        new_value as user_id,
        3 as evidence,
        changed_at as seen_at
    from events
    where field = 'owner_user_id' and old_value is null
),

-- Of these, the first who carries a quota of qualified opportunities has the credit.
sourced as (
    select
        sourcing_candidates.opportunity_id,
        sourcing_candidates.user_id,
        row_number() over (
            partition by sourcing_candidates.opportunity_id
            order by
                sourcing_candidates.evidence,
                sourcing_candidates.seen_at,
                sourcing_candidates.user_id
        ) as preference
    from sourcing_candidates
    where
        sourcing_candidates.user_id in (
            select quotas.user_id from quotas
            where quotas.measure = 'qualified_opportunities'
        )
),

-- Bookings are credited twice over: by splits, and wholly to the owner.
credits as (
    select
        coalesce(splits.user_id, 'unassigned') as user_id,
        'bookings' as measure,
        opportunities.close_date as credited_date,
        coalesce(splits.amount, 0) as credited_amount,
        coalesce(splits.amount_constant, 0) as credited_amount_constant,
        1 as credited_count,
        0 as owned_amount,
        0 as owned_count
    from opportunities
    inner join splits on opportunities.opportunity_id = splits.opportunity_id
    where opportunities.is_won
    union all
    select
        coalesce(owner_user_id, 'unassigned') as user_id,
        'bookings' as measure,
        close_date as credited_date,
        0 as credited_amount,
        0 as credited_amount_constant,
        0 as credited_count,
        coalesce(amount, 0) as owned_amount,
        1 as owned_count
    from opportunities
    where is_won
    union all
    select
        sourced.user_id,
        'qualified_opportunities' as measure,
        cast({{ qualified_at() }} as date) as credited_date,
        1 as credited_amount,
        1 as credited_amount_constant,
        1 as credited_count,
        1 as owned_amount,
        1 as owned_count
    from opportunities
    inner join sourced on opportunities.opportunity_id = sourced.opportunity_id
    where {{ qualified_at() }} is not null and sourced.preference = 1
),

-- A day's credits count for every quota of the user that the day is in.
credited_days as (
    select
        credits.user_id,
        credits.measure,
        credits.credited_date,
        sum(credits.credited_amount) as credited_amount,
        sum(credits.credited_amount_constant) as credited_amount_constant,
        sum(credits.credited_count) as credited_count,
        sum(credits.owned_amount) as owned_amount,
        sum(credits.owned_count) as owned_count
    from credits
    cross join clock
    where credits.credited_date <= clock.as_of_date
    group by credits.user_id, credits.measure, credits.credited_date
),

within_quotas as (
    select
        quotas.user_id,
        quotas.measure,
        quotas.period_start,
        quotas.period_end,
        sum(credited_days.credited_amount) as credited_amount,
        sum(credited_days.credited_amount_constant) as credited_amount_constant,
        sum(credited_days.credited_count) as credited_count,
        sum(credited_days.owned_amount) as owned_amount,
        sum(credited_days.owned_count) as owned_count
    from quotas
    inner join credited_days
        on
            quotas.user_id = credited_days.user_id
            and quotas.measure = credited_days.measure
            and credited_days.credited_date between quotas.period_start and quotas.period_end
    group by quotas.user_id, quotas.measure, quotas.period_start, quotas.period_end
),

-- Bookings of people without a quota are not lost: they stand in the fiscal quarter, without one.
without_quotas as (
    select
        credited_days.user_id,
        credited_days.measure,
        dates.fiscal_quarter_start_date as period_start,
        dates.fiscal_quarter_end_date as period_end,
        sum(credited_days.credited_amount) as credited_amount,
        sum(credited_days.credited_amount_constant) as credited_amount_constant,
        sum(credited_days.credited_count) as credited_count,
        sum(credited_days.owned_amount) as owned_amount,
        sum(credited_days.owned_count) as owned_count
    from credited_days
    inner join dates on credited_days.credited_date = dates.date_day
    left join quotas
        on
            credited_days.user_id = quotas.user_id
            and credited_days.measure = quotas.measure
            and credited_days.credited_date between quotas.period_start and quotas.period_end
    where quotas.user_id is null
    group by
        credited_days.user_id,
        credited_days.measure,
        dates.fiscal_quarter_start_date,
        dates.fiscal_quarter_end_date
),

credited as (
    select
        quotas.user_id,
        quotas.measure,
        quotas.period_start,
        quotas.period_end,
        quotas.as_of_date,
        quotas.quota_amount,
        quotas.initial_quota_amount,
        quotas.prorated_quota_amount,
        quotas.is_revised,
        within_quotas.credited_amount,
        within_quotas.credited_amount_constant,
        within_quotas.credited_count,
        within_quotas.owned_amount,
        within_quotas.owned_count
    from quotas
    left join within_quotas
        on
            quotas.user_id = within_quotas.user_id
            and quotas.measure = within_quotas.measure
            and quotas.period_start = within_quotas.period_start
            and quotas.period_end = within_quotas.period_end
    union all
    select
        without_quotas.user_id,
        without_quotas.measure,
        without_quotas.period_start,
        without_quotas.period_end,
        clock.as_of_date,
        cast(null as decimal(18, 2)) as quota_amount,
        cast(null as decimal(18, 2)) as initial_quota_amount,
        cast(null as decimal(18, 2)) as prorated_quota_amount,
        false as is_revised,
        without_quotas.credited_amount,
        without_quotas.credited_amount_constant,
        without_quotas.credited_count,
        without_quotas.owned_amount,
        without_quotas.owned_count
    from without_quotas
    cross join clock
),

-- The first version of a user is taken to have held before; `ends_at` is the end of the row.
user_spans as (
    {{ held_versions('user_versions', 'user_id') }}
),

bounded as (
    select
        *,
        cast(
            {{ dbt.dateadd('day', 1, 'least(period_end, as_of_date)') }} as timestamp
        ) as ends_at
    from credited
),

described as (
    select
        bounded.*,
        users.name as user_name,
        users.role,
        users.manager_user_id,
        users.team,
        users.region,
        users.hired_on,
        users.left_on,
        stamped.role as stamped_role,
        stamped.manager_user_id as stamped_manager_user_id,
        stamped.team as stamped_team,
        stamped.region as stamped_region
    from bounded
    left join user_versions as users
        on bounded.user_id = users.user_id and users.is_current
    left join user_spans as stamped
        on
            bounded.user_id = stamped.user_id
            and bounded.ends_at > stamped.held_from
            and (bounded.ends_at <= stamped.valid_to or stamped.valid_to is null)
),

day_counts as (
    select
        described.user_id,
        described.measure,
        described.period_start,
        described.period_end,
        count(*) as business_day_count,
        sum(case when dates.date_day <= described.as_of_date then 1 else 0 end)
            as business_days_elapsed,
        sum(
            case
                when
                    dates.date_day >= coalesce(described.hired_on, described.period_start)
                    and dates.date_day <= coalesce(described.left_on, described.period_end)
                    then 1
                else 0
            end
        ) as business_days_employed
    from described
    inner join dates
        on
            dates.date_day between described.period_start and described.period_end
            and dates.is_business_day
    group by
        described.user_id, described.measure, described.period_start, described.period_end
),

paced as (
    select
        described.*,
        cast(coalesce(described.credited_amount, 0) as decimal(18, 2)) as attained_amount,
        coalesce(ramp_schedule.ramp_share, 1) as ramp_share,
        case
            when described.period_end <= described.as_of_date then cast(1 as decimal(18, 6))
            else {{ rate('day_counts.business_days_elapsed', 'day_counts.business_day_count') }}
        end as elapsed_share,
        {{ rate('day_counts.business_days_employed', 'day_counts.business_day_count') }}
            as employed_share
    from described
    left join ramp_schedule
        on {{ ramp_at(
            'ramp_schedule', 'described.stamped_role', 'described.hired_on',
            'described.period_start'
        ) }}
    left join day_counts
        on
            described.user_id = day_counts.user_id
            and described.measure = day_counts.measure
            and described.period_start = day_counts.period_start
            and described.period_end = day_counts.period_end
),

final as (
    select
        user_id,
        user_name,
        role,
        manager_user_id,
        team,
        region,
        stamped_role,
        stamped_manager_user_id,
        stamped_team,
        stamped_region,
        measure,
        period_start,
        period_end,
        period_end <= as_of_date as is_complete_period,
        quota_amount,
        initial_quota_amount,
        prorated_quota_amount,
        is_revised,
        cast(ramp_share as decimal(18, 6)) as ramp_share,
        ramp_share < 1 as is_ramping,
        cast(quota_amount / nullif(ramp_share, 0) as decimal(18, 2)) as full_quota_amount,
        coalesce(left_on <= least(period_end, as_of_date), false) as is_leaver,
        employed_share,
        attained_amount,
        cast(coalesce(credited_amount_constant, 0) as decimal(18, 2))
            as attained_amount_constant,
        cast(coalesce(credited_count, 0) as bigint) as opportunity_count,
        cast(coalesce(owned_amount, 0) as decimal(18, 2)) as owned_amount,
        cast(coalesce(owned_count, 0) as bigint) as owned_count,
        {{ rate('attained_amount', 'quota_amount') }} as attainment_rate,
        {{ rate('attained_amount', 'prorated_quota_amount') }} as prorated_attainment_rate,
        case when quota_amount > 0 then attained_amount >= quota_amount end as is_attained,
        cast(quota_amount - attained_amount as decimal(18, 2)) as remaining_amount,
        elapsed_share,
        cast(quota_amount * elapsed_share as decimal(18, 2)) as expected_to_date,
        {{ rate('attained_amount', 'quota_amount * elapsed_share') }} as pacing_rate,
        as_of_date
    from paced
)

select * from final
order by period_start, measure, user_id
