{#-
    One end of the 95 % Wilson score interval of a proportion, as decimal(18, 6), null where
    there are no trials. Source: E. B. Wilson, Probable Inference, the Law of Succession, and
    Statistical Inference, JASA 22 (1927), pp. 209-212:

        (p + z²/2n ± z √(p(1 − p)/n + z²/4n²)) ÷ (1 + z²/n),   z = 1.959964

    which with s successes in n trials is (s + z²/2 ± z √(s(n − s)/n + z²/4)) ÷ (n + z²).
-#}
{% macro wilson_bound(successes, trials, bound) -%}
    {%- if bound not in ("low", "high") -%}
        {{ exceptions.raise_compiler_error(
            "wilson_bound knows the bounds 'low' and 'high', not '" ~ bound ~ "'."
        ) }}
    {%- endif -%}
    {%- set z = 1.959963985 -%}
    {%- set s = "cast(" ~ successes ~ " as double)" -%}
    {%- set n = "cast(" ~ trials ~ " as double)" -%}
    cast(
        case
            when {{ trials }} > 0
                then
                    (
                        {{ s }} + {{ z * z / 2 }}
                        {{ "-" if bound == "low" else "+" }} {{ z }} * sqrt(
                            {{ s }} * ({{ n }} - {{ s }}) / {{ n }} + {{ z * z / 4 }}
                        )
                    ) / ({{ n }} + {{ z * z }})
        end
        as decimal(18, 6)
    )
{%- endmacro %}
