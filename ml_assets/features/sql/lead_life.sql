-- One row per lead that was known by the end of the clock's day: when it came, and when it was first
-- known to be converted (a qualified lead, an opportunity or a customer; see fct_lifecycle_event).
with

steps as (
    select * from core.fct_lifecycle_event
    where
        lead_id is not null
        and entered_at < $clock_end
        and recorded_at < $clock_end
),

lives as (
    select
        lead_id,
        min(entered_at) as arrived_at,
        min(
            case when stage in ('SQL', 'Opportunity', 'Customer') then entered_at end
        ) as converted_at
    from steps
    group by lead_id
),

companies as (
    select
        lead_id,
        lower(trim(company)) as company,
        row_number() over (
            partition by lead_id
            order by valid_from
        ) as version_number
    from core.dim_lead
    where
        not is_inferred
        and valid_from < $clock_end
)

select
    lives.lead_id,
    cast(lives.arrived_at as date) as arrived_date,
    lives.arrived_at,
    lives.converted_at,
    coalesce(nullif(companies.company, ''), lives.lead_id) as company_key
from lives
inner join companies
    on
        lives.lead_id = companies.lead_id
        and companies.version_number = 1
order by lives.lead_id
