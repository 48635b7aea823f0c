with

quota_versions as (
    select * from {{ ref('fct_quota') }}
),

users as (
    select * from {{ ref('dim_user') }}
    where is_current
),

opportunities as (
    select * from {{ ref('fct_opportunity') }}
    where not is_deleted
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

-- The version of each quota that is in force, for periods that have begun. A period's end is its
-- last day.
quotas as (
    select
        quota_versions.user_id,
        quota_versions.measure,
        quota_versions.period_start,
        cast({{ dbt.dateadd('day', -1, 'quota_versions.period_end') }} as date) as period_end,
        quota_versions.amount as quota_amount,
        clock.as_of_date
    from quota_versions
    cross join clock
    where quota_versions.is_current and quota_versions.period_start <= clock.as_of_date
),

quota_periods as (
    select distinct
        period_start,
        period_end,
        as_of_date
    from quotas
),

periods as (
    select
        quota_periods.period_start,
        quota_periods.period_end,
        sum(case when dates.is_business_day then 1 else 0 end) as business_day_count,
        sum(
            case
                when dates.is_business_day and dates.date_day <= quota_periods.as_of_date then 1
                else 0
            end
        ) as business_days_elapsed
    from quota_periods
    inner join dates
        on dates.date_day between quota_periods.period_start and quota_periods.period_end
    group by quota_periods.period_start, quota_periods.period_end
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
            and conversions.converted_at >= lead_versions.valid_from
            and (
                conversions.converted_at < lead_versions.valid_to
                or lead_versions.valid_to is null
            )
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

credits as (
    select
        owner_user_id as user_id,
        'bookings' as measure,
        close_date as credited_date,
        coalesce(amount, 0) as credited_amount
    from opportunities
    where is_won
    union all
    select
        sourced.user_id,
        'qualified_opportunities' as measure,
        cast({{ qualified_at() }} as date) as credited_date,
        1 as credited_amount
    from opportunities
    inner join sourced on opportunities.opportunity_id = sourced.opportunity_id
    where {{ qualified_at() }} is not null and sourced.preference = 1
),

credited as (
    select
        quotas.user_id,
        quotas.measure,
        quotas.period_start,
        quotas.period_end,
        quotas.as_of_date,
        quotas.quota_amount,
        cast(coalesce(sum(credits.credited_amount), 0) as decimal(18, 2)) as attained_amount,
        count(credits.credited_amount) as opportunity_count
    from quotas
    left join credits
        on
            quotas.user_id = credits.user_id
            and quotas.measure = credits.measure
            and quotas.period_start <= credits.credited_date
            and quotas.period_end >= credits.credited_date
            and quotas.as_of_date >= credits.credited_date
    group by
        quotas.user_id,
        quotas.measure,
        quotas.period_start,
        quotas.period_end,
        quotas.as_of_date,
        quotas.quota_amount
),

paced as (
    select
        credited.*,
        users.name as user_name,
        users.role,
        users.manager_user_id,
        users.team,
        users.region,
        case
            when credited.period_end <= credited.as_of_date then cast(1 as decimal(18, 6))
            else {{ rate('periods.business_days_elapsed', 'periods.business_day_count') }}
        end as elapsed_share
    from credited
    left join users on credited.user_id = users.user_id
    left join periods
        on
            credited.period_start = periods.period_start
            and credited.period_end = periods.period_end
),

final as (
    select
        user_id,
        user_name,
        role,
        manager_user_id,
        team,
        region,
        measure,
        period_start,
        period_end,
        period_end <= as_of_date as is_complete_period,
        quota_amount,
        attained_amount,
        cast(opportunity_count as bigint) as opportunity_count,
        {{ rate('attained_amount', 'quota_amount') }} as attainment_rate,
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
