"""How often customers without a contract buy again: the BG/NBD model.

While a customer is alive, purchases are a Poisson process; after each purchase the customer leaves
with a fixed chance. Rates differ between customers by a gamma, chances to leave by a beta
distribution. What is known about a customer is when the first and the last purchase were and how
many there were between.

Source: Fader, Hardie & Lee (2005), "Counting Your Customers the Easy Way: An Alternative to the
Pareto/NBD Model", Marketing Science 24(2).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from typing import Self

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.special import (  # pyright: ignore[reportMissingTypeStubs]
    betaln,
    gammaln,
    hyp2f1,
    psi,
)

from ml_assets.customers.likelihood import most_likely
from ml_assets.features.account_deals import mean, total

Array = NDArray[np.float64]

LEAST_CUSTOMERS = 20
_AWAY_FROM_ONE = 1e-5


@dataclass(frozen=True)
class BuyingHistory:
    """What BG/NBD needs to know of n customers; times in one unit, each of shape (n,).

    Attributes:
        repeats: purchases after the first one (x).
        recency: time from the first to the last purchase (t_x), 0 without repeats.
        age: time from the first purchase to the day of looking (T).
    """

    repeats: Array
    recency: Array
    age: Array

    @classmethod
    def of(cls, frame: pl.DataFrame, days_per_unit: float = 7.0) -> Self:
        """From columns repeat_count, recency_days and age_days (see `purchase_summary`)."""
        return cls(
            frame["repeat_count"].cast(pl.Float64).to_numpy(),
            frame["recency_days"].cast(pl.Float64).to_numpy() / days_per_unit,
            frame["age_days"].cast(pl.Float64).to_numpy() / days_per_unit,
        )


@dataclass(frozen=True)
class BuyingModel:
    """A fitted BG/NBD model.

    Attributes:
        r, alpha: shape and rate of the gamma distribution of purchase rates.
        a, b: parameters of the beta distribution of the chance to leave after a purchase.
    """

    r: float
    alpha: float
    a: float
    b: float

    @classmethod
    def fit(
        cls, history: BuyingHistory, *, weight: Array | None = None, start: Self | None = None
    ) -> Self:
        """Maximum likelihood, on the logarithms of the parameters and with exact gradients.

        Args:
            history: the customers.
            weight: how often each counts, shape (n,).
            start: where to begin, by default at 1 each.

        Raises:
            ValueError: fewer than 20 customers, or nobody bought twice.
        """
        count = len(history.repeats)
        if count < LEAST_CUSTOMERS or not (history.repeats > 0).any():
            raise ValueError(
                f"BG/NBD needs at least {LEAST_CUSTOMERS} customers of whom some bought twice; "
                f"there are {count}, of whom {int((history.repeats > 0).sum())} did."
            )
        weights = np.ones(count) if weight is None else weight
        scale = max(float(np.median(history.age)), 1e-9)
        unit = BuyingHistory(history.repeats, history.recency / scale, history.age / scale)
        origin = np.zeros(4)
        if start is not None:
            origin = np.log([start.r, start.alpha / scale, start.a, start.b])

        def mean_log_likelihood(theta: Array) -> tuple[float, Array]:
            value, gradient = _log_likelihood(np.exp(theta), unit, weights)
            return value / weights.sum(), gradient * np.exp(theta) / weights.sum()

        r, alpha, a, b = np.exp(most_likely(mean_log_likelihood, origin))
        return cls(float(r), float(alpha * scale), float(a), float(b))

    def log_likelihood(self, history: BuyingHistory) -> float:
        """Of all customers together."""
        parameters = np.array([self.r, self.alpha, self.a, self.b])
        return _log_likelihood(parameters, history, np.ones(len(history.repeats)))[0]

    def probability_alive(self, history: BuyingHistory) -> Array:
        """Chance that each customer has not left, shape (n,)."""
        return 1.0 / (1.0 + self._odds_of_having_left(history))

    def expected_purchases(self, history: BuyingHistory, time: float) -> Array:
        """Purchases of each customer within the next `time`, shape (n,) (equation 10)."""
        x, age = history.repeats, history.age
        # the formula has a removable singularity at a = 1
        a = self.a if abs(self.a - 1) > _AWAY_FROM_ONE else 1 + _AWAY_FROM_ONE
        shrink = (self.alpha + age) / (self.alpha + age + time)
        hypergeometric = np.asarray(
            hyp2f1(self.r + x, self.b + x, a + self.b + x - 1, time / (self.alpha + age + time)),
            dtype=np.float64,
        )
        expected = (a + self.b + x - 1) / (a - 1) * (1 - shrink ** (self.r + x) * hypergeometric)
        return np.maximum(expected, 0.0) * self.probability_alive(history)

    def expected_of_newcomer(self, time: float) -> float:
        """Purchases of a customer of whom only the first purchase is known (equation 9)."""
        nobody = np.zeros(1)
        return float(self.expected_purchases(BuyingHistory(nobody, nobody, nobody), time)[0])

    def probability_of_silence(self, history: BuyingHistory, time: float) -> Array:
        """Chance that each customer buys nothing within the next `time`, shape (n,).

        Given that a customer is alive, the rate has a gamma posterior, of which this is the
        Laplace transform at `time`.
        """
        alive = self.probability_alive(history)
        shrink = (self.alpha + history.age) / (self.alpha + history.age + time)
        return 1 - alive + alive * shrink ** (self.r + history.repeats)

    def simulate(
        self, history: BuyingHistory, time: float, generator: np.random.Generator
    ) -> NDArray[np.int64]:
        """One draw of each customer's purchases within the next `time`, shape (n,).

        A customer who is alive makes as many purchases as a Poisson process with a rate from the
        posterior does, or leaves after one of them.
        """
        x = history.repeats
        alive = generator.random(len(x)) < self.probability_alive(history)
        rate = generator.gamma(self.r + x) / (self.alpha + history.age)
        leaving = np.clip(generator.beta(self.a, self.b + x), 1e-12, 1.0)
        purchases = np.minimum(generator.poisson(rate * time), generator.geometric(leaving))
        return np.where(alive, purchases, 0).astype(np.int64)

    def as_dict(self) -> dict[str, float]:
        """Plain values for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, float]) -> Self:
        """What `as_dict` gave."""
        return cls(**values)

    def _odds_of_having_left(self, history: BuyingHistory) -> Array:
        x = history.repeats
        repeats = x > 0
        log_odds = (
            np.log(self.a)
            - np.log(np.where(repeats, self.b + x - 1, 1.0))
            + (self.r + x)
            * (np.log(self.alpha + history.age) - np.log(self.alpha + history.recency))
        )
        return np.where(repeats, np.exp(np.minimum(log_odds, 700.0)), 0.0)


def purchase_summary(purchases: pl.DataFrame, until: date) -> pl.DataFrame:
    """What is known of each customer's purchases at the end of a day.

    Args:
        purchases: customer_id, purchased_on (date), amount; several on a day are one purchase.
        until: the last day that counts.

    Returns:
        customer_id, first_on, last_on, repeat_count, recency_days, age_days, repeat_amount (mean
        amount of the repeats, null without any), mean_amount (of all); sorted by customer_id.
    """
    days = (
        purchases.filter(pl.col("purchased_on") <= until)
        .group_by("customer_id", "purchased_on")
        .agg(amount=total())
        .sort("customer_id", "purchased_on")
    )
    return (
        days.group_by("customer_id", maintain_order=True)
        .agg(
            first_on=pl.col("purchased_on").first(),
            last_on=pl.col("purchased_on").last(),
            repeat_count=pl.len().cast(pl.Int64) - 1,
            repeat_amount=pl.col("amount").slice(1).mean(),
            mean_amount=mean(),
        )
        .with_columns(
            recency_days=(pl.col("last_on") - pl.col("first_on")).dt.total_days(),
            age_days=(pl.lit(until) - pl.col("first_on")).dt.total_days(),
        )
        .sort("customer_id")
    )


def _log_likelihood(
    parameters: Array, history: BuyingHistory, weight: Array
) -> tuple[float, Array]:
    """Weighted log-likelihood (equation 6) and its gradient by r, alpha, a and b."""
    r, alpha, a, b = parameters
    x, recency, age = history.repeats, history.recency, history.age
    repeats = x > 0
    log_stayed = betaln(a, b + x) - betaln(a, b) - (r + x) * np.log(alpha + age)
    log_left = np.where(
        repeats,
        betaln(a + 1, np.where(repeats, b + x - 1, 1.0))
        - betaln(a, b)
        - (r + x) * np.log(alpha + recency),
        -np.inf,
    )
    common = gammaln(r + x) - gammaln(r) + r * np.log(alpha)
    value = float(weight @ (common + np.logaddexp(log_stayed, log_left)))
    stayed = np.exp(log_stayed - np.logaddexp(log_stayed, log_left))
    left = 1 - stayed
    after = np.where(repeats, b + x - 1, 1.0)
    by_r = (
        psi(r + x)
        - psi(r)
        + np.log(alpha)
        - stayed * np.log(alpha + age)
        - left * np.log(alpha + recency)
    )
    by_alpha = r / alpha - (r + x) * (stayed / (alpha + age) + left / (alpha + recency))
    both = psi(a + b) - psi(a + b + x)
    by_a = both + left / a  # the branches differ by ln a - ln(b + x - 1)
    by_b = both - psi(b) + stayed * psi(b + x) + left * psi(after)
    return value, np.array([weight @ part for part in (by_r, by_alpha, by_a, by_b)])
