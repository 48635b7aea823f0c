"""What is offered: product lines of opportunities, their prices, and the amounts that follow.

Lines are drawn up on entering Solution Design at the latest and discounted on entering Proposal;
from then on the opportunity's amount is the sum of its lines, to the cent.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl

from orchestration.sources.demo import vocabulary as words
from orchestration.sources.demo.clock import DAY, NEVER
from orchestration.sources.demo.deals import NEW, Deals
from orchestration.sources.demo.hazards import DESIGN, NEGOTIATION, PROPOSAL, WON
from orchestration.sources.demo.market import COUNTRY_CURRENCY
from orchestration.sources.demo.rates import RATES
from orchestration.sources.demo.streams import Array, Floats, Ints, chance, every, normal

_MAIN_PRODUCTS = 3
_SERVICES = (7, 8)
LINES_MOST = 1 + len(words.PRODUCTS) - _MAIN_PRODUCTS
_LIST = np.array([product[3] for product in words.PRODUCTS])
_HELD = np.array([product[4] for product in words.PRODUCTS])
LOCAL_PRICE = np.array([words.LOCAL_PRICE[currency] for currency in words.CURRENCIES])
DECIMALS = np.array([0 if currency == "JPY" else 2 for currency in words.CURRENCIES])


@dataclass(frozen=True)
class Quotes:
    """Product lines (one row each) and amount events (opportunity, moment, amount).

    Line columns: opportunity, place, product, quantity, new_quantity, list_price, unit_price,
    drawn_up, discounted, requantified, removed (moments, NEVER if it never happens). A missing
    amount is NaN.
    """

    lines: pl.DataFrame
    amounts: pl.DataFrame


def rounded(values: Array, currency: Array) -> Floats:
    """Round money to the decimals of its currency."""
    factor = 10.0 ** DECIMALS[currency]
    return np.round(values * factor) / factor


def first_entry(deals: Deals, stages: tuple[int, ...]) -> Ints:
    """The first moment at which each opportunity entered one of the stages, else NEVER."""
    visits = deals.visits
    result = np.full(len(deals.opportunities), NEVER, dtype=np.int64)
    chosen = np.isin(visits["stage"], stages)
    np.minimum.at(result, visits["opportunity"][chosen], visits["entered"][chosen])
    return result


def draw_quotes(deals: Deals, seed: int) -> Quotes:
    """Lines and amounts of all opportunities."""
    store = deals.opportunities
    numbers = np.arange(len(store), dtype=np.int64)
    currency = COUNTRY_CURRENCY[store["country"]]
    missing = every(numbers, RATES["missing_amount"], 19)
    for_good = missing & (chance(numbers, seed, "amount never known") < 0.4)
    drawn_up = first_entry(deals, (DESIGN, PROPOSAL, NEGOTIATION))
    discounted = first_entry(deals, (PROPOSAL, NEGOTIATION))
    closed = first_entry(deals, (WON, WON + 1))
    changed = first_entry(deals, (NEGOTIATION,)) + (
        (2 + 7 * chance(numbers, seed, "days to new quantity")) * DAY
    ).astype(np.int64)
    changes = (chance(numbers, seed, "new quantity") < 0.16) & (changed < closed)
    changed = np.where(changes, changed, NEVER)
    lines = _lines(deals, seed, currency)
    owner = lines["opportunity"]
    keep = (drawn_up[owner] < NEVER) & ~for_good[owner]
    lines = {name: values[keep] for name, values in lines.items()}
    owner = lines["opportunity"]
    discount = np.where(lines["is_service"], 0.3, 1.0) * store["discount"][owner]
    unit = rounded(lines["list_price"] * (1 - discount), currency[owner])
    ratio = 0.7 + 0.65 * chance(owner, seed, "quantity ratio")
    more = np.maximum(1, np.round(lines["quantity"] * ratio)).astype(np.int64)
    serial = owner * LINES_MOST + lines["place"]
    goes = every(serial, RATES["deleted_line"], 23) & (lines["place"] > 0)
    goes &= discounted[owner] < NEVER
    main = lines["place"] == 0
    table = pl.DataFrame(
        {
            "opportunity": owner,
            "place": lines["place"],
            "product": lines["product"],
            "quantity": lines["quantity"],
            "new_quantity": np.where(main, more, lines["quantity"]),
            "list_price": lines["list_price"],
            "unit_price": unit,
            "drawn_up": drawn_up[owner],
            "discounted": discounted[owner],
            "requantified": np.where(main, changed[owner], NEVER),
            "removed": np.where(goes, discounted[owner], NEVER),
        }
    )
    return Quotes(table, _amounts(deals, seed, table, currency, missing))


def _lines(deals: Deals, seed: int, currency: Ints) -> dict[str, Array]:
    """A main product by segment and add-ons by chance, sized to the opportunity's list value."""
    store = deals.opportunities
    numbers = np.arange(len(store), dtype=np.int64)
    held = np.zeros((len(numbers), LINES_MOST), dtype=bool)
    weight = np.zeros((len(numbers), LINES_MOST))
    held[:, 0] = True
    for place in range(1, LINES_MOST):
        product = _MAIN_PRODUCTS + place - 1
        share = chance(numbers * LINES_MOST + place, seed, "line held")
        held[:, place] = share < _HELD[product]
        if product in _SERVICES:
            held[:, place] &= store["kind"] == NEW
        weight[:, place] = 0.05 + 0.13 * chance(numbers * LINES_MOST + place, seed, "line share")
    weight *= held
    weight[:, 0] = 1.0 - weight.sum(axis=1)
    opportunity, place = (index.astype(np.int64) for index in np.nonzero(held))
    product = np.where(place == 0, store["segment"][opportunity], _MAIN_PRODUCTS + place - 1)
    price = rounded(_LIST[product] * LOCAL_PRICE[currency[opportunity]], currency[opportunity])
    value = store["list_value"][opportunity] * LOCAL_PRICE[currency[opportunity]]
    quantity = np.maximum(1, np.round(value * weight[opportunity, place] / price))
    return {
        "opportunity": opportunity,
        "place": place,
        "product": product,
        "quantity": quantity.astype(np.int64),
        "list_price": price,
        "is_service": np.isin(product, _SERVICES),
    }


def _amounts(
    deals: Deals, seed: int, lines: pl.DataFrame, currency: Ints, missing: Array
) -> pl.DataFrame:
    """The rep's estimate at creation, then the sums of lines whenever the lines change."""
    store = deals.opportunities
    numbers = np.arange(len(store), dtype=np.int64)
    guess = store["list_value"] * LOCAL_PRICE[currency]
    guess = guess * np.exp(0.28 * normal(numbers, seed, "first estimate"))
    step = np.where(guess > 20_000 * LOCAL_PRICE[currency], 1_000, 100) * np.where(
        DECIMALS[currency] == 0, 100, 1
    )
    guess = np.where(missing, np.nan, np.maximum(step, np.round(guess / step) * step))
    first = pl.DataFrame({"opportunity": numbers, "moment": store["created"], "amount": guess})
    return pl.concat([first, *line_sums(lines)]).sort("opportunity", "moment", maintain_order=True)


def line_sums(lines: pl.DataFrame) -> list[pl.DataFrame]:
    """Amounts at the moments at which lines are drawn up, discounted and changed in quantity."""
    result: list[pl.DataFrame] = []
    for event in ("drawn_up", "discounted", "requantified"):
        moment = pl.col(event).min().over("opportunity")
        at = lines.with_columns(moment=moment).filter(pl.col("moment") < NEVER)
        price = (
            pl.when(pl.col("discounted") <= pl.col("moment"))
            .then("unit_price")
            .otherwise("list_price")
        )
        quantity = (
            pl.when(pl.col("requantified") <= pl.col("moment"))
            .then("new_quantity")
            .otherwise("quantity")
        )
        result.append(
            at.filter(pl.col("removed") > pl.col("moment"))
            .group_by("opportunity", "moment", maintain_order=True)
            .agg(amount=(price * quantity).sum().round(2))
        )
    return result
