"""What a yes or no that is read from a probability is worth, beside the majority's answer."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

import numpy as np

from ml_assets.evaluation.bootstrap import Estimate, Groups, bootstrap_all
from ml_assets.evaluation.metrics import Array

FIGURES = (
    "accuracy",
    "majority_accuracy",
    "accuracy_gain",
    "precision",
    "recall",
    "specificity",
    "selected_share",
)


@dataclass(frozen=True)
class ThresholdReport:
    """Yes for every row whose probability reaches a threshold, judged against the outcomes.

    Attributes:
        threshold: the least probability of a yes.
        row_count: rows judged.
        selected_count: rows with a yes.
        majority_outcome: what "always the same answer" would say: the more frequent outcome.
        accuracy: share of rows (weighted, as all that follows) whose answer was right.
        majority_accuracy: the accuracy of always giving the majority's outcome.
        accuracy_gain: accuracy minus majority_accuracy; above zero is better.
        precision: share of the yeses that were right; NaN without a yes.
        recall: share of the positives that got a yes; NaN without positives.
        specificity: share of the negatives that got a no; NaN without negatives.
        selected_share: share of rows with a yes.
    """

    threshold: float
    row_count: int
    selected_count: int
    majority_outcome: bool
    accuracy: Estimate
    majority_accuracy: Estimate
    accuracy_gain: Estimate
    precision: Estimate
    recall: Estimate
    specificity: Estimate
    selected_share: Estimate

    def as_dict(self) -> dict[str, object]:
        """Everything as plain values for JSON."""
        figures: dict[str, Estimate] = {name: getattr(self, name) for name in FIGURES}
        counts: dict[str, object] = {
            "threshold": None if np.isnan(self.threshold) else round(self.threshold, 6),
            "row_count": self.row_count,
            "selected_count": self.selected_count,
            "majority_outcome": self.majority_outcome,
        }
        return counts | {name: figure.as_dict() for name, figure in figures.items()}


def threshold_report(
    outcome: Array,
    probability: Array,
    *,
    groups: Groups,
    seed: int,
    threshold: float | None = None,
    share: float | None = None,
    majority: bool | None = None,
    weight: Array | None = None,
) -> ThresholdReport:
    """Judge the answers at a threshold, or those that select a share of the rows.

    Args:
        outcome: 0 or 1, shape (n,).
        probability: shape (n,).
        groups: n names or numbers; intervals come from resampling whole groups.
        seed: of the resampling.
        threshold: least probability of a yes; 0.5 if neither it nor `share` is given.
        share: instead of it, the share of rows to select, highest probabilities first; rows that
            tie with the last one are selected too.
        majority: outcome that the baseline always gives; the more frequent one of these rows if
            not given, which is the hardest baseline of its kind.
        weight: of each row, shape (n,); one each if not given.

    Raises:
        ValueError: both threshold and share are given, or share is not within 0 and 1.
    """
    weights = np.ones(len(outcome)) if weight is None else weight
    least = _least_probability(probability, threshold, share)
    said_yes = probability >= least
    common = bool(2 * (weights * outcome).sum() > weights.sum()) if majority is None else majority
    positive = outcome == 1
    right = said_yes == positive
    majority_right = positive == common

    counted = np.stack(
        [
            right,
            majority_right,
            said_yes & positive,
            said_yes,
            positive,
            ~said_yes & ~positive,
            ~positive,
        ]
    ).astype(np.float64)

    def of(row_weights: Array) -> Array:
        correct, by_majority, found, yes, positives, rejected, negatives = counted @ row_weights
        mass = row_weights.sum()
        accuracy, baseline = _ratio(correct, mass), _ratio(by_majority, mass)
        return np.array(
            [
                accuracy,
                baseline,
                accuracy - baseline,
                _ratio(found, yes),
                _ratio(found, positives),
                _ratio(rejected, negatives),
                _ratio(yes, mass),
            ]
        )

    estimates = dict(
        zip(FIGURES, bootstrap_all(of, groups, weight=weights, seed=seed), strict=True)
    )
    return ThresholdReport(
        threshold=least,
        row_count=len(outcome),
        selected_count=int(said_yes.sum()),
        majority_outcome=common,
        **estimates,
    )


def _ratio(part: float, whole: float) -> float:
    return float(part / whole) if whole > 0 else float("nan")


def _least_probability(probability: Array, threshold: float | None, share: float | None) -> float:
    if share is None:
        return 0.5 if threshold is None else threshold
    if threshold is not None:
        raise ValueError("Give a threshold or a share of rows, not both.")
    if not 0 <= share <= 1:
        raise ValueError(f"A share of rows lies between 0 and 1, but {share} was given.")
    # Rounded first: a tenth of 30 rows is 3, although 0.1 * 30 is a little more.
    count = ceil(round(share * len(probability), 9))
    if count == 0:
        return float("inf")
    return float(np.sort(probability)[len(probability) - count])
