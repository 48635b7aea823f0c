with

figures as (
    select
        period_type,
        period_start,
        kpi,
        segment_type,
        sum(numerator) as numerator,
        sum(denominator) as denominator
    from {{ ref('mart_exec_kpi') }}
    group by period_type, period_start, kpi, segment_type
)

select
    parts.period_type,
    parts.period_start,
    parts.kpi,
    parts.segment_type,
    parts.numerator,
    company.numerator as company_numerator,
    parts.denominator,
    company.denominator as company_denominator
from figures as parts
inner join figures as company
    on
        parts.period_type = company.period_type
        and parts.period_start = company.period_start
        and parts.kpi = company.kpi
        and company.segment_type = 'company'
where
    parts.numerator <> company.numerator
    or coalesce(parts.denominator, 0) <> coalesce(company.denominator, 0)
