-- One row per deal: when it began, how it ended and what it was worth, as known at the end of the
-- clock's day; a deal that is open again has not ended.
with

stages as (
    select
        stage,
        bool_or(is_open) as is_open,
        bool_or(is_won) as is_won
    from core.dim_stage
    where stage is not null
    group by stage
),

events as (
    select
        opportunity_id,
        new_value as stage,
        changed_at,
        (changed_at, recorded_at, change_id) as position
    from core.fct_opportunity_event
    where field = 'stage' and changed_at < $clock_end and recorded_at < $clock_end
),

lasts as (
    select
        opportunity_id,
        min(changed_at) as began_at,
        max(changed_at) as changed_at,
        arg_max(stage, position) as stage
    from events
    group by opportunity_id
),

amounts as (
    select
        opportunity_id,
        try_cast(
            arg_max_null(new_value, (changed_at, recorded_at, change_id)) as double
        ) as amount_local
    from core.fct_opportunity_event
    where field = 'amount_local' and changed_at < $clock_end and recorded_at < $clock_end
    group by opportunity_id
),

account_versions as (
    select
        account_id,
        segment
    from core.dim_account
    where valid_from < $clock_end and (valid_to is null or valid_to >= $clock_end)
)

select
    lasts.opportunity_id as entity_id,
    opportunities.account_id,
    coalesce(account_versions.segment, 'Unknown') as segment,
    lasts.began_at,
    case when not stages.is_open then lasts.changed_at end as ended_at,
    not stages.is_open and stages.is_won as is_won,
    amounts.amount_local * cast(rates.rate_to_corporate as double) as amount
from lasts
inner join stages on lasts.stage = stages.stage
inner join core.fct_opportunity as opportunities
    on lasts.opportunity_id = opportunities.opportunity_id
left join account_versions on opportunities.account_id = account_versions.account_id
left join amounts on lasts.opportunity_id = amounts.opportunity_id
left join core.fct_fx_rate as rates
    on
        opportunities.currency_code = rates.currency_code
        and cast(lasts.changed_at as date) >= rates.valid_from
        and cast(lasts.changed_at as date) < coalesce(rates.valid_to, date '9999-12-31')
order by entity_id
