"""Calibration with an interval: Venn-Abers predictors, bagged over groups.

A Venn-Abers predictor fits isotonic regression twice, once as if the new row were a negative and
once as if it were a positive; between the two answers lies the probability of least regret for log
loss. The two answers alone say how much one more row would change, which on some thousand rows is
next to nothing and no honest interval. So the predictor is fitted on bootstrap samples of whole
groups: the mean is the probability (and no longer a staircase), the outer quantiles of the lower
and of the upper answers are the interval: what the rate of deals with such a score could be.

Sources: Vovk, Petej & Fedorova (2015), "Large-scale probabilistic predictors with and without
guarantees of validity"; Breiman (1996), "Bagging predictors".
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from venn_abers import VennAbers  # pyright: ignore[reportMissingTypeStubs]

Array = NDArray[np.float64]
MOST_KNOTS = 200
REPLICATES = 100
COVERAGE = 0.95


@dataclass(frozen=True)
class Calibrated:
    """Probabilities with their bounds, each of shape (n,): low ≤ probability ≤ high."""

    probability: Array
    low: Array
    high: Array


@dataclass(frozen=True)
class VennAbersCalibrator:
    """Curves over the knots, each non-decreasing; all of shape (m,), m at most 200.

    The knots are quantiles of the raw calibration scores, so that they lie where the rows are.
    """

    knots: Array
    probability: Array
    low: Array
    high: Array

    @classmethod
    def fit(
        cls,
        raw: Array,
        outcome: Array,
        *,
        weight: Array,
        groups: Sequence[str],
        seed: int,
        replicates: int = REPLICATES,
    ) -> Self:
        """Learn the curves from rows that the model has not been trained on.

        Args:
            raw: uncalibrated probabilities, shape (n,).
            outcome: 0 or 1, shape (n,).
            weight: of each row, shape (n,); a row of weight 1.3 enters a sample once, and in
                three samples of ten twice.
            groups: n names; a group's rows are drawn together.
            seed: of the resampling.
            replicates: bootstrap samples; those with one outcome only are left out.

        Raises:
            ValueError: there is only one outcome to calibrate with.
        """
        if len(np.unique(outcome)) < 2:
            raise ValueError(
                "Calibration needs rows of both outcomes, but there is only one. Give it a longer "
                "period or a larger share of the rows."
            )
        knots = np.unique(np.quantile(raw, np.linspace(0, 1, MOST_KNOTS)))
        snapped = knots[_nearest(knots, raw)]
        curves = [
            _curves(knots, snapped[rows], outcome[rows])
            for rows in _resampled_rows(groups, weight, seed, replicates)
            if 0 < outcome[rows].sum() < len(rows)
        ]
        if not curves:
            curves = [_curves(knots, snapped, outcome)]
        as_negative = np.array([curve[0] for curve in curves])
        as_positive = np.array([curve[1] for curve in curves])
        probability = (as_positive / (1 - as_negative + as_positive)).mean(axis=0)
        tail = (1 - COVERAGE) / 2
        return cls(
            knots=knots,
            probability=probability,
            low=np.minimum(np.quantile(as_negative, tail, axis=0), probability),
            high=np.maximum(np.quantile(as_positive, 1 - tail, axis=0), probability),
        )

    def calibrate(self, raw: Array) -> Calibrated:
        """Calibrated probabilities of raw scores, shape (n,)."""
        return Calibrated(
            *(
                np.interp(raw, self.knots, curve)
                for curve in (self.probability, self.low, self.high)
            )
        )

    def as_dict(self) -> dict[str, list[float]]:
        """Plain values for JSON."""
        return {
            "knots": self.knots.tolist(),
            "probability": self.probability.tolist(),
            "low": self.low.tolist(),
            "high": self.high.tolist(),
        }

    @classmethod
    def from_dict(cls, values: dict[str, list[float]]) -> Self:
        """The inverse of `as_dict`."""
        return cls(**{name: np.array(numbers) for name, numbers in values.items()})


def _resampled_rows(
    groups: Sequence[str], weight: Array, seed: int, replicates: int
) -> list[NDArray[np.intp]]:
    """Row numbers of each bootstrap sample of groups, repeated by weight."""
    names, member_of = np.unique(np.asarray(groups, dtype=str), return_inverse=True)
    by_group = np.argsort(member_of, kind="stable")
    first = np.searchsorted(member_of[by_group], np.arange(len(names) + 1))
    generator = np.random.default_rng(seed)
    samples: list[NDArray[np.intp]] = []
    for _ in range(replicates):
        drawn = generator.integers(0, len(names), len(names))
        rows = np.concatenate([by_group[first[i] : first[i + 1]] for i in drawn])
        whole = np.floor(weight[rows] + generator.random(len(rows))).astype(np.int64)
        samples.append(np.repeat(rows, whole))
    return samples


def _nearest(knots: Array, raw: Array) -> NDArray[np.intp]:
    """Position of the knot that is nearest to each raw score."""
    return np.searchsorted((knots[1:] + knots[:-1]) / 2, raw)


def _curves(knots: Array, scores: Array, outcome: Array) -> tuple[Array, Array]:
    """The two isotonic curves at the knots: for a new negative and for a new positive."""
    fitted: Any = VennAbers()
    order = np.lexsort((outcome, scores))
    with np.errstate(divide="ignore", invalid="ignore"), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "All-NaN slice", RuntimeWarning)
        fitted.fit(np.column_stack([1 - scores[order], scores[order]]), outcome[order])
    lower: Array = fitted.p0[np.searchsorted(fitted.c, knots, side="right"), 1]
    upper: Array = fitted.p1[np.searchsorted(fitted.c, knots, side="left"), 1]
    return lower, upper
