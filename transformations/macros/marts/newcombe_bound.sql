{#-
    One end of the 95 % interval of the difference of two independent proportions, first minus
    second, as decimal(18, 6); null where either has no trials. Source: R. G. Newcombe, Interval
    estimation for the difference between independent proportions: comparison of eleven methods,
    Statistics in Medicine 17 (1998), pp. 873-890, method 10, from the Wilson bounds l and u:

        p1 − p2 − √((p1 − l1)² + (u2 − p2)²)   to   p1 − p2 + √((u1 − p1)² + (p2 − l2)²)
-#}
{% macro newcombe_bound(first_successes, first_trials, second_successes, second_trials, bound) -%}
    {%- if bound not in ("low", "high") -%}
        {{ exceptions.raise_compiler_error(
            "newcombe_bound knows the bounds 'low' and 'high', not '" ~ bound ~ "'."
        ) }}
    {%- endif -%}
    {%- set other = "high" if bound == "low" else "low" -%}
    {%- set p1 = "cast(" ~ first_successes ~ " as double) / nullif(" ~ first_trials ~ ", 0)" -%}
    {%- set p2 = "cast(" ~ second_successes ~ " as double) / nullif(" ~ second_trials ~ ", 0)" -%}
    cast(
        {{ p1 }}
        - {{ p2 }}
        {{ "-" if bound == "low" else "+" }} sqrt(
            power({{ p1 }} - {{ wilson_bound(first_successes, first_trials, bound) }}, 2)
            + power({{ p2 }} - {{ wilson_bound(second_successes, second_trials, other) }}, 2)
        )
        as decimal(18, 6)
    )
{%- endmacro %}
