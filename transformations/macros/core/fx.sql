{#-
    The join of a row to the one exchange rate of its currency on a date. A currency without a rate
    on that date has none: its amount in corporate currency is null, never the local amount.
-#}
{% macro fx_rate_on(rates, currency_code, rate_date) -%}
    {{ currency_code }} = {{ rates }}.currency_code
    and {{ rate_date }} >= {{ rates }}.valid_from
    and {{ rate_date }} < coalesce({{ rates }}.valid_to, cast('9999-12-31' as date))
{%- endmacro %}

{#- An amount in another currency at a rate, to the cent. -#}
{% macro converted(amount_local, fx_rate) -%}
    cast({{ amount_local }} * {{ fx_rate }} as decimal(18, 2))
{%- endmacro %}
