"""Calibration with an interval: Venn-Abers predictors, bagged over groups.

A Venn-Abers predictor fits isotonic regression twice, once as if the new row were a negative and
once as if it were a positive. The two answers alone say how much one more row would change, which
on some thousand rows is next to nothing and no honest interval. So the predictor is fitted on
bootstrap samples of whole groups: the outer quantiles of the lower and of the upper answers are the
interval: what the rate of rows with such a score could be.

The probability is the mean of the answers (and so no staircase), the upper one counting as much as
a line through the log-odds says that a positive is likely. The answer of least regret, which the
literature takes, leans to one half: on some hundred rows with few positives it doubles their rate.
The fewer rows of the scarcer outcome there are, the more the line itself is the probability: it has
two numbers to learn, the curves have many.

Sources: Vovk, Petej & Fedorova (2015), "Large-scale probabilistic predictors with and without
guarantees of validity"; Breiman (1996), "Bagging predictors"; Platt (1999) for the line.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from ml_assets.scoring.line import fitted_line

Array = NDArray[np.float64]
MOST_KNOTS = 200
REPLICATES = 100
COVERAGE = 0.95
SMALLEST = 1e-12
LINE_ROWS = 200.0


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
        groups: NDArray[np.int64],
        seed: int,
        replicates: int = REPLICATES,
        edge: float = 0.0,
    ) -> Self:
        """Learn the curves from rows that the model has not been trained on.

        Args:
            raw: uncalibrated probabilities, shape (n,).
            outcome: 0 or 1, shape (n,).
            weight: of each row, shape (n,).
            groups: n numbers; a group's rows are drawn together.
            seed: of the resampling.
            replicates: bootstrap samples; those with one outcome only are left out.
            edge: share of the rows at either end that get one probability: isotonic regression
                spikes at its ends, where it is told by a handful of rows.

        Raises:
            ValueError: there is only one outcome to calibrate with.
        """
        if len(np.unique(outcome)) < 2:
            raise ValueError(
                "Calibration needs rows of both outcomes, but there is only one. Give it a longer "
                "period or a larger share of the rows."
            )
        knots = np.unique(np.quantile(raw, np.linspace(edge, 1 - edge, MOST_KNOTS)))
        knot_of = _nearest(knots, raw)
        curves = [
            two_curves(knot_of, outcome, row_weight, len(knots))
            for row_weight in _resampled_weights(groups, weight, seed, replicates)
            if 0 < row_weight @ outcome < row_weight.sum()
        ]
        if not curves:
            curves = [two_curves(knot_of, outcome, weight, len(knots))]
        as_negative = np.array([curve[0] for curve in curves])
        as_positive = np.array([curve[1] for curve in curves])
        likely = fitted_line(outcome, _log_odds(raw), weight).probability(_log_odds(knots))
        curve = (1 - likely) * as_negative.mean(axis=0) + likely * as_positive.mean(axis=0)
        scarcer = min(len(np.unique(groups[outcome == answer])) for answer in (0, 1))
        own = scarcer / (scarcer + LINE_ROWS)
        probability = own * curve + (1 - own) * likely
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


def _resampled_weights(
    groups: NDArray[np.int64], weight: Array, seed: int, replicates: int
) -> Iterator[Array]:
    """Row weights of each bootstrap sample of groups."""
    names, member_of = np.unique(groups, return_inverse=True)
    generator = np.random.default_rng(seed)
    for _ in range(replicates):
        drawn = np.bincount(generator.integers(0, len(names), len(names)), minlength=len(names))
        yield weight * drawn[member_of]


def _log_odds(probability: Array) -> Array:
    inside = np.clip(probability, SMALLEST, 1 - SMALLEST)
    return np.log(inside / (1 - inside))


def _nearest(knots: Array, raw: Array) -> NDArray[np.intp]:
    """Position of the knot that is nearest to each raw score."""
    return np.searchsorted((knots[1:] + knots[:-1]) / 2, raw)


def two_curves(
    knot_of: NDArray[np.intp], outcome: Array, weight: Array, count: int
) -> tuple[Array, Array]:
    """The two isotonic curves at the knots: for a new negative and for a new positive.

    Isotonic regression at a knot is the largest, over starts before it, of the smallest, over ends
    after it, of the means between (Robertson, Wright & Dykstra 1988, theorem 1.4.4). The new row at
    the knot is in each of these means, so one table of sums gives the answers for all knots.
    """
    positives = np.cumsum(np.bincount(knot_of, weight * outcome, minlength=count))
    rows = np.cumsum(np.bincount(knot_of, weight, minlength=count))
    positives_before = np.append(0.0, positives[:-1])[:, None]
    rows_with_new = rows[None, :] - np.append(0.0, rows[:-1])[:, None] + 1.0
    is_span = np.tri(count, dtype=np.bool_).T
    answers: list[Array] = []
    for new in (0.0, 1.0):
        with np.errstate(divide="ignore", invalid="ignore"):
            means = (positives[None, :] - positives_before + new) / rows_with_new
        means[~is_span] = np.inf
        smallest = np.minimum.accumulate(means[:, ::-1], axis=1)[:, ::-1]
        smallest[~is_span] = -np.inf
        answers.append(np.clip(smallest.max(axis=0), 0.0, 1.0))
    return answers[0], answers[1]
