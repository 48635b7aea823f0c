select
    figures.period_type,
    figures.period_start,
    figures.segment_type,
    figures.segment,
    figures.kpi,
    figures.numerator as kpi_numerator,
    figures.denominator as kpi_denominator,
    rates.numerator,
    rates.denominator
from {{ ref('mart_exec_kpi') }} as figures
inner join {{ ref('mart_win_rate') }} as rates
    on
        figures.period_type = rates.period_type
        and figures.period_start = rates.period_start
        and figures.segment_type = rates.segment_type
        and figures.segment = rates.segment
        and rates.basis = case figures.kpi
            when 'win_rate' then 'closed_count'
            when 'win_rate_value' then 'closed_value'
        end
where
    figures.numerator <> rates.numerator
    or figures.denominator <> rates.denominator
    or coalesce(figures.value, -1) <> coalesce(rates.win_rate, -1)
