"""Bootstrap intervals that resample groups, so that related rows rise and fall together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml_assets.evaluation.metrics import Array

REPLICATES = 400
REPLICATES_OF_MANY = 100
MANY_ROWS = 100_000
Groups = Sequence[str] | NDArray[Any]


@dataclass(frozen=True)
class Estimate:
    """A value with its 95 % interval; NaN where the value or the interval is undefined."""

    value: float
    low: float
    high: float

    def is_above_zero(self) -> bool:
        """Whether the whole interval lies above zero (false when it is undefined)."""
        return self.low > 0

    def as_dict(self) -> dict[str, float | None]:
        """Rounded to six decimals for JSON, NaN as null."""
        return {
            name: None if np.isnan(number) else round(number, 6)
            for name, number in (("value", self.value), ("low", self.low), ("high", self.high))
        }


def grouped_bootstrap(
    statistic: Callable[[Array], float],
    groups: Groups,
    *,
    weight: Array | None = None,
    seed: int,
    replicates: int | None = None,
) -> Estimate:
    """Percentile interval of a weighted statistic under resampling of whole groups.

    Args:
        statistic: takes row weights of shape (n,) and returns the statistic.
        groups: n group names or numbers; rows of a group are drawn together, as often as their
            group is.
        weight: of each row before resampling, shape (n,); one each if not given.
        seed: of the resampling.
        replicates: number of resamples; see `replicates_for` if not given.

    Returns:
        The statistic at the given weights, with the 2.5 % and 97.5 % quantiles over the resamples
        in which it is defined, widened to hold the statistic itself: resampling adds noise that a
        calibration error counts as error, so all its resamples may lie above it. With fewer than
        two groups the interval is NaN.

    Source: Efron & Tibshirani (1993), chapter 13; resampling of clusters as in Davison & Hinkley
    (1997), section 3.8.
    """
    return bootstrap_all(
        lambda weights: np.array([statistic(weights)]),
        groups,
        weight=weight,
        seed=seed,
        replicates=replicates,
    )[0]


def bootstrap_all(
    statistics: Callable[[Array], Array],
    groups: Groups,
    *,
    weight: Array | None = None,
    seed: int,
    replicates: int | None = None,
) -> list[Estimate]:
    """Intervals of many statistics from the same resamples, each as by `grouped_bootstrap`.

    Args:
        statistics: takes row weights of shape (n,) and returns k statistics, shape (k,).
        groups, weight, seed, replicates: as for `grouped_bootstrap`.
    """
    names = np.asarray(groups)
    weights = np.ones(len(names)) if weight is None else weight
    values = statistics(weights)
    distinct, member_of = np.unique(names, return_inverse=True)
    if len(distinct) < 2:
        return [Estimate(float(value), float("nan"), float("nan")) for value in values]
    generator = np.random.default_rng(seed)
    share = np.full(len(distinct), 1.0 / len(distinct))
    resampled = np.array(
        [
            statistics(weights * generator.multinomial(len(distinct), share)[member_of])
            for _ in range(replicates or replicates_for(len(names)))
        ]
    )
    return [
        _estimate(float(value), resampled[:, position]) for position, value in enumerate(values)
    ]


def replicates_for(rows: int) -> int:
    """Resamples that are enough: fewer for many rows, whose intervals are narrow anyway."""
    return REPLICATES if rows <= MANY_ROWS else REPLICATES_OF_MANY


def _estimate(value: float, resampled: Array) -> Estimate:
    defined = resampled[~np.isnan(resampled)]
    if len(defined) == 0:
        return Estimate(value, float("nan"), float("nan"))
    low, high = np.quantile(defined, [0.025, 0.975])
    # min and max would let a NaN through by the order of their arguments.
    return Estimate(value, float(np.fmin(value, low)), float(np.fmax(value, high)))
