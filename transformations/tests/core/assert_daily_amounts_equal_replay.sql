-- Invariant: on every day the open amount in each currency equals the pipeline rebuilt from the
-- events up to that day. Rebuilt another way than in the model: what each change of a deal adds to
-- or takes from the pipeline, summed up over time.
with

events as (
    select
        events.opportunity_id,
        opportunities.currency_code,
        events.field,
        events.new_value,
        events.changed_at,
        events.recorded_at,
        events.change_id,
        greatest(events.changed_date, opportunities.created_date) as effective_date
    from {{ ref('fct_opportunity_event') }} as events
    inner join {{ ref('fct_opportunity') }} as opportunities
        on events.opportunity_id = opportunities.opportunity_id
    where events.field in ('stage', 'amount_local', 'is_deleted')
),

changed_days as (
    select distinct
        opportunity_id,
        currency_code,
        effective_date
    from events
),

-- the last word on each field at the end of each day on which the deal changed
known as (
    select
        changed_days.opportunity_id,
        changed_days.currency_code,
        changed_days.effective_date,
        events.field,
        events.new_value,
        row_number() over (
            partition by changed_days.opportunity_id, changed_days.effective_date, events.field
            order by events.changed_at desc, events.recorded_at desc, events.change_id desc
        ) as recency
    from changed_days
    inner join events
        on
            changed_days.opportunity_id = events.opportunity_id
            and changed_days.effective_date >= events.effective_date
),

worth as (
    select
        opportunity_id,
        currency_code,
        effective_date,
        case
            when max(case when field = 'stage' then new_value end) like 'Closed%' then 0
            when max(case when field = 'is_deleted' then new_value end) = 'true' then 0
            else coalesce(
                cast(max(case when field = 'amount_local' then new_value end) as decimal(18, 2)), 0
            )
        end as amount_local
    from known
    where recency = 1
    group by
        opportunity_id,
        currency_code,
        effective_date
),

movements as (
    select
        currency_code,
        effective_date,
        amount_local - lag(amount_local, 1, 0) over (
            partition by opportunity_id
            order by effective_date
        ) as amount_local
    from worth
),

movements_by_day as (
    select
        currency_code,
        effective_date as date_day,
        sum(amount_local) as amount_local
    from movements
    group by
        currency_code,
        effective_date
),

daily as (
    select
        currency_code,
        date_day,
        sum(case when is_open then coalesce(amount_local, 0) else 0 end) as amount_local
    from {{ ref('fct_opportunity_daily') }}
    group by
        currency_code,
        date_day
),

joined as (
    select
        coalesce(daily.currency_code, movements_by_day.currency_code) as currency_code,
        coalesce(daily.date_day, movements_by_day.date_day) as date_day,
        coalesce(daily.amount_local, 0) as daily_amount,
        coalesce(movements_by_day.amount_local, 0) as movement
    from daily
    full outer join movements_by_day
        on
            daily.currency_code = movements_by_day.currency_code
            and daily.date_day = movements_by_day.date_day
),

compared as (
    select
        currency_code,
        date_day,
        daily_amount,
        sum(movement) over (
            partition by currency_code
            order by date_day
            rows between unbounded preceding and current row
        ) as replayed_amount
    from joined
)

select * from compared
where daily_amount <> replayed_amount
