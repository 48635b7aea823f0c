with

won_deals as (
    select * from {{ ref('fct_opportunity') }}
    where is_won
),

expected as (
    select
        attainment.user_id,
        attainment.period_start,
        attainment.period_end,
        attainment.attained_amount,
        attainment.opportunity_count,
        coalesce(sum(won_deals.amount), 0) as won_amount,
        count(won_deals.opportunity_id) as won_count
    from {{ ref('mart_quota_attainment') }} as attainment
    left join won_deals
        on
            attainment.user_id = won_deals.owner_user_id
            and attainment.period_start <= won_deals.close_date
            and attainment.period_end >= won_deals.close_date
            and attainment.as_of_date >= won_deals.close_date
    where attainment.measure = 'bookings'
    group by
        attainment.user_id,
        attainment.period_start,
        attainment.period_end,
        attainment.attained_amount,
        attainment.opportunity_count
)

select * from expected
where attained_amount <> won_amount or opportunity_count <> won_count
