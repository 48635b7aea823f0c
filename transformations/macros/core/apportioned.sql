{#-
    What a recipient gets of an amount that is given out one after another: the amount up to and
    including the recipient's share less the amount up to it, each rounded to the cent. However
    many recipients there are, what they get adds up to the amount exactly when their shares add
    up to 1, and nobody is more than a cent off.

    amount             what is given out; null gives null
    cumulative_share   sum of the shares up to and including the recipient's (decimal)
    share              the recipient's own share (decimal)
-#}
{% macro apportioned(amount, cumulative_share, share) -%}
    cast(
        round(cast({{ amount }} as decimal(28, 2)) * {{ cumulative_share }}, 2)
        - round(
            cast({{ amount }} as decimal(28, 2)) * ({{ cumulative_share }} - {{ share }}), 2
        )
        as decimal(18, 2)
    )
{%- endmacro %}
