{#- Successes and trials of two samples, and the interval of the difference to four decimals. -#}
{%- set examples = [
    (56, 70, 48, 80, "0.0524", "0.3339"),
    (9, 10, 3, 10, "0.1705", "0.8090"),
    (5, 56, 0, 29, "-0.0381", "0.1926"),
    (10, 10, 0, 10, "0.6075", "1.0000"),
] -%}

with

bounds as (
    {% for first, first_trials, second, second_trials, low, high in examples -%}
    select
        {{ newcombe_bound(first, first_trials, second, second_trials, 'low') }} as low,
        {{ newcombe_bound(first, first_trials, second, second_trials, 'high') }} as high,
        {{ low }} as expected_low,
        {{ high }} as expected_high
    {% if not loop.last -%}
    union all
    {% endif -%}
    {% endfor %}
)

select * from bounds
where
    abs(low - expected_low) > 0.00005
    or abs(high - expected_high) > 0.00005
