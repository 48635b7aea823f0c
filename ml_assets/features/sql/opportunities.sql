-- One row per opportunity whose creation is visible at the end of the clock's day, with the
-- attributes that are set at creation. First seen is the day of its first stage.
with

opportunities as (
    select * from core.fct_opportunity
),

stage_events as (
    select * from core.fct_opportunity_event
    where field = 'stage' and changed_at < $clock_end and recorded_at < $clock_end
),

first_seen as (
    select
        opportunity_id,
        cast(min(changed_at) as date) as first_seen_date
    from stage_events
    group by opportunity_id
)

select
    opportunities.opportunity_id,
    opportunities.account_id,
    opportunities.opportunity_type,
    opportunities.lead_source,
    opportunities.currency_code,
    first_seen.first_seen_date
from opportunities
inner join first_seen on opportunities.opportunity_id = first_seen.opportunity_id
order by opportunities.opportunity_id
