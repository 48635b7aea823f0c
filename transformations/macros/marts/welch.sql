{#-
    Welch's comparison of two means in portable SQL: no engine has Student's distribution in common.

    Student's t with ν degrees of freedom becomes a standard normal by Wallace's transformation,
    z = (8ν + 1) ÷ (8ν + 3) × √(ν ln(1 + t²/ν)). From two degrees of freedom on p values are right to
    0.004 and limits to 5 %, from five on to 0.001 and 1 %. Source: D. L. Wallace, Bounds on normal
    approximations to Student's and the chi-square distributions, Ann. Math. Statist. 30 (1959), pp.
    1121-1130.
    The tail of the normal is 7.1.26 of M. Abramowitz, I. A. Stegun, Handbook of Mathematical
    Functions (1964), right to 1.5e-7.
-#}

{#- Degrees of freedom by Welch and Satterthwaite, from variances and numbers; null without spread. -#}
{% macro welch_degrees_of_freedom(variance_1, n_1, variance_2, n_2) -%}
    power({{ variance_1 }} / {{ n_1 }} + {{ variance_2 }} / {{ n_2 }}, 2)
    / nullif(
        power({{ variance_1 }} / {{ n_1 }}, 2) / nullif({{ n_1 }} - 1, 0)
        + power({{ variance_2 }} / {{ n_2 }}, 2) / nullif({{ n_2 }} - 1, 0),
        0
    )
{%- endmacro %}

{#- Two-sided p value of a t statistic. -#}
{% macro student_p_value(t, degrees) -%}
    {{ normal_p_value(
        "((8 * " ~ degrees ~ " + 1) / (8 * " ~ degrees ~ " + 3) * sqrt("
        ~ degrees ~ " * ln(1 + " ~ t ~ " * " ~ t ~ " / " ~ degrees ~ ")))"
    ) }}
{%- endmacro %}

{#- The t that 95 % of the distribution lie within. -#}
{% macro student_95(degrees) -%}
    sqrt(
        {{ degrees }} * (
            exp(
                power(1.959963985 * (8 * {{ degrees }} + 3) / (8 * {{ degrees }} + 1), 2)
                / {{ degrees }}
            ) - 1
        )
    )
{%- endmacro %}

{#- Two-sided p value of a standard normal z, which is 0 or more. -#}
{% macro normal_p_value(z) -%}
    {%- set x = "(1 / (1 + 0.3275911 * " ~ z ~ " / sqrt(2.0)))" -%}
    (
        {{ x }} * (0.254829592 + {{ x }} * (-0.284496736 + {{ x }} * (1.421413741
        + {{ x }} * (-1.453152027 + {{ x }} * 1.061405429))))
    ) * exp(-{{ z }} * {{ z }} / 2)
{%- endmacro %}
