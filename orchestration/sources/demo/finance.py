"""Plans and prices of money: quotas per person and period, and monthly exchange rates."""

import numpy as np
import polars as pl

from orchestration.sources.demo import vocabulary as words
from orchestration.sources.demo.clock import (
    DAY,
    FIRST_MONTH,
    HOUR,
    LAST_MONTH,
    START_TS,
    month_start,
)
from orchestration.sources.demo.company import AE, BDR, Company
from orchestration.sources.demo.streams import Floats, chance, stream

AE_YEARLY = 2_000_000.0
BDR_MONTHLY = 20.0
_SEGMENT_FACTOR = (0.72, 1.0, 1.18)
_RAMP = (0.25, 0.6, 0.85)  # share of the full quota in the first quarters after hiring
_BDR_RAMP = (0.25, 0.5, 0.75)
_BASE_RATES = {"USD": 1.0, "EUR": 0.925, "GBP": 0.790, "JPY": 156.0, "AUD": 1.505}
_LAST_PLAN_MONTH = 84


def exchange_rates(seed: int) -> pl.DataFrame:
    """Units per USD by currency and month: currency, month, starts, ends (day numbers), rate.

    A month's row is known on the month's first day; rates wander around a level.
    """
    frames: list[pl.DataFrame] = []
    months = np.arange(FIRST_MONTH, LAST_MONTH + 1)
    for number, currency in enumerate(words.CURRENCIES):
        rng = stream(seed, number, "exchange rates")
        steps = rng.normal(0.0, 0.013 if currency != "USD" else 0.0, len(months))
        walk = np.zeros(len(months))
        for place in range(1, len(months)):
            walk[place] = 0.97 * walk[place - 1] + steps[place]
        frames.append(
            pl.DataFrame(
                {
                    "currency": number,
                    "month": months,
                    "starts": [month_start(int(m)) for m in months],
                    "ends": [month_start(int(m) + 1) for m in months],
                    "rate": np.round(_BASE_RATES[currency] * np.exp(walk), 6),
                }
            )
        )
    return pl.concat(frames)


def segment_factors(company: Company) -> dict[int, float]:
    """Quota factors by segment that average 1 over the seats of account executives."""
    seats = [s for s in company.seats if s.function == AE and s.opened <= START_TS]
    plain = {
        segment: _SEGMENT_FACTOR[segment] if segment >= 0 else 1.0 for segment in (-1, 0, 1, 2)
    }
    mean = float(np.mean([plain[s.segment] for s in seats]))
    return {segment: factor / mean for segment, factor in plain.items()}


def quotas(company: Company, seed: int) -> pl.DataFrame:
    """Quotas of account executives by quarter and of BDRs by month, with their revisions.

    Columns: user, starts (day number), moment (when it was set), amount (USD, null for BDRs),
    quantity (null for account executives), serial, created. A few are revised during the period.
    """
    frame = pl.concat(
        [
            _plan(company, AE, 3, np.array(_RAMP)),
            _plan(company, BDR, 1, np.array(_BDR_RAMP)),
        ]
    ).with_columns(moment=pl.col("created"))
    return pl.concat([frame, _revised(frame, seed)]).sort("moment", "serial")


def _plan(company: Company, function: int, months: int, ramp: Floats) -> pl.DataFrame:
    """Quotas of one function in periods of `months`, for who is employed in the period."""
    people = company.users
    users = np.flatnonzero(np.array(people.function) == function)
    starts = np.array(
        [month_start(m) for m in range(FIRST_MONTH, _LAST_PLAN_MONTH + months, months)]
    )
    place = np.arange(len(starts) - 1)
    user, place = (grid.ravel() for grid in np.meshgrid(users, place, indexing="ij"))
    begin, end = starts[place], starts[place + 1]
    hired, left = company.hired[user], company.left[user]
    served = np.maximum(0, (begin * DAY - hired) // (months * 30 * DAY))
    veteran = (hired < START_TS - 270 * DAY) | (served >= len(ramp))
    share = np.where(veteran, 1.0, ramp[np.minimum(served, len(ramp) - 1)])
    factors = segment_factors(company)
    factor = np.array([factors[s] for s in people.segment])[user]
    is_ae = function == AE
    return pl.DataFrame(
        {
            "user": user,
            "starts": begin,
            "amount": np.round(AE_YEARLY / 4 * factor * share, -2) if is_ae else None,
            "quantity": None if is_ae else np.round(BDR_MONTHLY * share),
            "serial": user * 256 + place,
            "created": np.maximum((begin - 20) * DAY + 10 * HOUR, hired + 9 * HOUR),
        },
        schema_overrides={"amount": pl.Float64, "quantity": pl.Float64},
    ).filter(pl.Series((hired < end * DAY) & (left >= begin * DAY)))


def _revised(frame: pl.DataFrame, seed: int) -> pl.DataFrame:
    """One quarterly quota in 25 is raised or lowered by a tenth three weeks into the quarter."""
    draw: Floats = chance(frame["serial"].to_numpy(), seed, "quota revised")
    factor = np.where(draw < 0.02, 0.9, 1.1)
    chosen = pl.Series(draw < 0.04)
    return frame.with_columns(
        amount=pl.col("amount") * pl.Series(factor),
        moment=(pl.col("starts") + 21) * DAY + 11 * HOUR,
    ).filter(chosen & pl.col("amount").is_not_null() & (pl.col("moment") > pl.col("created")))
