"""Bootstrap intervals that resample groups, so that related rows rise and fall together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ml_assets.evaluation.metrics import Array

REPLICATES = 400


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
    groups: Sequence[str],
    *,
    weight: Array | None = None,
    seed: int,
    replicates: int = REPLICATES,
) -> Estimate:
    """Percentile interval of a weighted statistic under resampling of whole groups.

    Args:
        statistic: takes row weights of shape (n,) and returns the statistic.
        groups: n group names; rows of a group are drawn together, as often as their group is.
        weight: of each row before resampling, shape (n,); one each if not given.
        seed: of the resampling.
        replicates: number of resamples.

    Returns:
        The statistic at the given weights, with the 2.5 % and 97.5 % quantiles over the resamples
        in which it is defined, widened to hold the statistic itself: resampling adds noise that a
        calibration error counts as error, so all its resamples may lie above it. With fewer than
        two groups the interval is NaN.

    Source: Efron & Tibshirani (1993), chapter 13; resampling of clusters as in Davison & Hinkley
    (1997), section 3.8.
    """
    weights = np.ones(len(groups)) if weight is None else weight
    value = statistic(weights)
    names, member_of = np.unique(np.asarray(groups, dtype=str), return_inverse=True)
    if len(names) < 2:
        return Estimate(value, float("nan"), float("nan"))
    generator = np.random.default_rng(seed)
    share = np.full(len(names), 1.0 / len(names))
    resampled = np.array(
        [
            statistic(weights * generator.multinomial(len(names), share)[member_of])
            for _ in range(replicates)
        ]
    )
    defined = resampled[~np.isnan(resampled)]
    if len(defined) == 0:
        return Estimate(value, float("nan"), float("nan"))
    low, high = np.quantile(defined, [0.025, 0.975])
    return Estimate(value, min(value, float(low)), max(value, float(high)))
