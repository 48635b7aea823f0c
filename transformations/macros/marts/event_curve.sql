{#-
    Curves of what becomes of records over time while some are still undecided (right-censored).

    `event_curve()` is the body of a CTE with one row per group and distinct time: how many were at
    risk just before, how many had an event of each cause then, the share still without any event
    after it (Kaplan-Meier) and the cumulative incidence of each cause (Aalen-Johansen) with its
    variance. With one cause the incidence is 1 - Kaplan-Meier. With several it is not: 1 -
    Kaplan-Meier of one cause takes records that ended by another cause for undecided ones, and
    is too high.

        S(t) = Π (1 - d_j ÷ n_j)        F_c(t) = Σ S(t_j-1) d_cj ÷ n_j        over times t_j <= t

    At a tie, events come before censorings. Sources: E. L. Kaplan, P. Meier, JASA 53 (1958), pp.
    457-481; O. O. Aalen, S. Johansen, Scand. J. Statist. 5 (1978), pp. 141-150; the variance is the
    delta method's of E. Marubini, M. G. Valsecchi, Analysing Survival Data from Clinical Trials and
    Observational Studies (1995), section 10.2.

    relation    rows with the columns of `by`, `time` (a number, 0 or more, not null) and `causes`
    causes      name → boolean column; at most one is true, none means censored
    with_variance   whether to give <cause>_variance (a second pass over the curve)
-#}
{% macro event_curve(relation, by, time, causes, with_variance=false) -%}
    {%- set keys = by | join(", ") -%}
    {%- set window -%}
        over (
            partition by {{ keys }}
            order by {{ time }}
            rows between unbounded preceding and current row
        )
    {%- endset -%}
    select
        incidences.*
        {%- if with_variance %}
        {%- for cause in causes %},
        {{ cause }}_incidence * {{ cause }}_incidence * sum(decided_term) {{ window }}
        - 2 * {{ cause }}_incidence
        * sum(decided_term * {{ cause }}_incidence + {{ cause }}_cross_term) {{ window }}
        + sum(
            decided_term * {{ cause }}_incidence * {{ cause }}_incidence
            + 2 * {{ cause }}_cross_term * {{ cause }}_incidence
            + {{ cause }}_own_term
        ) {{ window }} as {{ cause }}_variance
        {%- endfor %}
        {%- endif %}
    from (
        select
            survivals.*,
            {%- for cause in causes %}
            sum(survival_before * {{ cause }}_count / at_risk_count) {{ window }}
                as {{ cause }}_incidence,
            {%- if with_variance %}
            survival_before * {{ cause }}_count / (1.0 * at_risk_count * at_risk_count)
                as {{ cause }}_cross_term,
            survival_before * survival_before * {{ cause }}_count
            * (at_risk_count - {{ cause }}_count)
            / (1.0 * at_risk_count * at_risk_count * at_risk_count) as {{ cause }}_own_term,
            {%- endif %}
            {%- endfor %}
            -- where all that were at risk are decided, nothing comes after
            case
                when decided_count < at_risk_count
                    then decided_count / (1.0 * at_risk_count * (at_risk_count - decided_count))
                else 0
            end as decided_term
        from (
            select
                logarithms.*,
                {{ survival_of('log_survival', 'is_exhausted') }} as survival,
                {{ survival_of('log_survival_before', 'is_exhausted_before') }} as survival_before
            from (
                select
                    factors.*,
                    sum(log_factor) {{ window }} as log_survival,
                    sum(exhausting) {{ window }} as is_exhausted,
                    coalesce(
                        sum(log_factor) {{ window | replace('current row', '1 preceding') }}, 0
                    ) as log_survival_before,
                    coalesce(
                        sum(exhausting) {{ window | replace('current row', '1 preceding') }}, 0
                    ) as is_exhausted_before
                from (
                    select
                        at_times.*,
                        case
                            when decided_count < at_risk_count
                                then ln(1 - 1.0 * decided_count / at_risk_count)
                            else 0
                        end as log_factor,
                        case when decided_count = at_risk_count then 1 else 0 end as exhausting
                    from (
                        select
                            {{ keys }},
                            {{ time }},
                            {%- for cause, happened in causes.items() %}
                            sum(case when {{ happened }} then 1 else 0 end)
                                as {{ cause }}_count,
                            {%- endfor %}
                            sum(
                                case
                                    when {{ causes.values() | join(" or ") }} then 1
                                    else 0
                                end
                            ) as decided_count,
                            sum(count(*)) over (
                                partition by {{ keys }}
                                order by {{ time }} desc
                                rows between unbounded preceding and current row
                            ) as at_risk_count
                        from {{ relation }}
                        group by {{ keys }}, {{ time }}
                    ) as at_times
                ) as factors
            ) as logarithms
        ) as survivals
    ) as incidences
{%- endmacro %}

{% macro survival_of(log_survival, is_exhausted) -%}
    case when {{ is_exhausted }} > 0 then 0 else exp({{ log_survival }}) end
{%- endmacro %}

{#-
    Quantile of the time to an event from the rows of a curve, an aggregate over one group: the
    first time at which at least that share have had it; null where the curve does not get there
    while records are still undecided. Source: J. P. Klein, M. L. Moeschberger, Survival Analysis
    (2003), section 4.5.
-#}
{% macro curve_quantile(time, quantile) -%}
    min(case when survival <= {{ 1 - quantile }} + 0.000000001 then {{ time }} end)
{%- endmacro %}
