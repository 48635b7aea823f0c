"""How much customers spend at a purchase: the gamma-gamma model.

A customer's purchases are gamma distributed around an own mean, and these means differ between
customers. So the mean of few purchases is drawn towards that of all customers.

Source: Fader, Hardie & Lee (2005), "RFM and CLV: Using Iso-Value Curves for Customer Base
Analysis", Journal of Marketing Research 42(4); Fader & Hardie (2013), "The Gamma-Gamma Model of
Monetary Value".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln, psi  # pyright: ignore[reportMissingTypeStubs]

from ml_assets.customers.likelihood import most_likely

Array = NDArray[np.float64]

LEAST_BUYERS = 10


@dataclass(frozen=True)
class SpendingModel:
    """A fitted gamma-gamma model.

    Attributes:
        p: shape of the amounts of one customer.
        q: shape of the distribution of customers' rates; above 1, so that the mean exists.
        gamma: its scale, in units of money.
    """

    p: float
    q: float
    gamma: float

    @classmethod
    def fit(cls, purchases: Array, mean_amount: Array, *, weight: Array | None = None) -> Self:
        """Maximum likelihood.

        Args:
            purchases: number of purchases of each customer, at least 1, shape (n,).
            mean_amount: their mean amount, above 0, shape (n,).
            weight: how often each customer counts, shape (n,).

        Raises:
            ValueError: fewer than 10 customers, or an amount that is not positive.
        """
        if len(purchases) < LEAST_BUYERS:
            raise ValueError(
                f"The gamma-gamma model needs at least {LEAST_BUYERS} customers with amounts; "
                f"there are {len(purchases)}."
            )
        if not ((mean_amount > 0) & (purchases > 0)).all():
            raise ValueError("Leave out customers without a purchase of a positive amount.")
        weights = np.ones(len(purchases)) if weight is None else weight
        scale = float(np.median(mean_amount))
        mean = mean_amount / scale

        def mean_log_likelihood(theta: Array) -> tuple[float, Array]:
            p, q_minus_1, gamma = np.exp(theta)
            value, gradient = _log_likelihood(p, 1 + q_minus_1, gamma, purchases, mean, weights)
            return value / weights.sum(), gradient * np.exp(theta) / weights.sum()

        p, q_minus_1, gamma = np.exp(most_likely(mean_log_likelihood, np.zeros(3)))
        return cls(float(p), float(1 + q_minus_1), float(gamma * scale))

    def expected_amount(self, purchases: Array, mean_amount: Array) -> Array:
        """Mean amount of each customer's future purchases, shape (n,).

        Args:
            purchases: number of known purchases, 0 for none, shape (n,).
            mean_amount: their mean amount; not looked at where there are none, shape (n,).
        """
        known = np.where(purchases > 0, mean_amount, 0.0)
        shape = self.p * purchases + self.q
        return self.p * (self.gamma + purchases * known) / (shape - 1)

    def simulate(
        self,
        purchases: Array,
        mean_amount: Array,
        future: NDArray[np.int64],
        generator: np.random.Generator,
    ) -> Array:
        """One draw of what each customer spends on `future` purchases together, shape (n,)."""
        known = np.where(purchases > 0, mean_amount, 0.0)
        rate = generator.gamma(self.p * purchases + self.q) / (self.gamma + purchases * known)
        return np.where(future > 0, generator.gamma(self.p * np.maximum(future, 1)) / rate, 0.0)

    def as_dict(self) -> dict[str, float]:
        """Plain values for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, float]) -> Self:
        """What `as_dict` gave."""
        return cls(**values)


def _log_likelihood(
    p: float, q: float, gamma: float, purchases: Array, mean: Array, weight: Array
) -> tuple[float, Array]:
    """Weighted log-likelihood and its gradient by p, q and gamma."""
    total = purchases * mean
    shape = p * purchases
    log_sum = np.log(gamma + total)
    value = weight @ (
        gammaln(shape + q)
        - gammaln(shape)
        - gammaln(q)
        + q * np.log(gamma)
        + (shape - 1) * np.log(mean)
        + shape * np.log(purchases)
        - (shape + q) * log_sum
    )
    by_p = purchases * (psi(shape + q) - psi(shape) + np.log(mean) + np.log(purchases) - log_sum)
    by_q = psi(shape + q) - psi(q) + np.log(gamma) - log_sum
    by_gamma = q / gamma - (shape + q) / (gamma + total)
    return float(value), np.array([weight @ part for part in (by_p, by_q, by_gamma)])
