"""One report of a model's predictions on rows that it has not seen."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl

from ml_assets.evaluation.bootstrap import Estimate, Groups, bootstrap_all
from ml_assets.evaluation.metrics import (
    Array,
    WeightedMetric,
    averaged,
    binned_gap,
    brier_terms,
    log_loss_terms,
    precision_area,
    ranked,
    roc_area,
    skill,
)
from ml_assets.evaluation.tables import (
    lift_by_decile,
    lift_statistics,
    observed_rates,
    reliability_table,
)
from ml_assets.evaluation.thresholds import ThresholdReport, threshold_report

METRICS: dict[str, Callable[[Array, Array], WeightedMetric]] = {
    "roc_auc": lambda outcome, probability: ranked(outcome, probability, roc_area),
    "pr_auc": lambda outcome, probability: ranked(outcome, probability, precision_area),
    "log_loss": lambda outcome, probability: averaged(log_loss_terms(outcome, probability)),
    "brier": lambda outcome, probability: averaged(brier_terms(outcome, probability)),
    "ece": binned_gap,
}
LIFT_FIGURES = ("positive_rate", "lift", "captured_share")
LOSS_TERMS = {"log_loss": log_loss_terms, "brier": brier_terms}


@dataclass(frozen=True)
class ScoreReport:
    """What a model's predictions are worth on one set of rows.

    Attributes:
        row_count: rows judged.
        group_count: distinct groups among them.
        positive_count: rows with outcome 1.
        positive_group_count: groups with at least one positive row.
        negative_group_count: groups with at least one negative row.
        metrics: roc_auc, pr_auc, log_loss, brier, ece, each with a 95 % interval.
        baseline_metrics: the same metrics (values only) for each baseline.
        improvements: (loss, baseline) → baseline's loss minus the model's, above zero is better.
        skills: (loss, baseline) → share of the baseline's loss that the model removes.
        skill_intervals: the same with its 95 % interval.
        reliability: see `reliability_table`; observed_low and observed_high hold both the Wilson
            and the bootstrap interval, which knows of groups but nothing of a bin without a case.
        lift: see `lift_by_decile`, with low and high columns for its three figures.
        decisions: what yes or no at a threshold is worth, beside the majority's answer.
    """

    row_count: int
    group_count: int
    positive_count: int
    positive_group_count: int
    negative_group_count: int
    metrics: dict[str, Estimate]
    baseline_metrics: dict[str, dict[str, float]]
    improvements: dict[tuple[str, str], Estimate]
    skills: dict[tuple[str, str], float]
    skill_intervals: dict[tuple[str, str], Estimate]
    reliability: pl.DataFrame
    lift: pl.DataFrame
    decisions: ThresholdReport

    def as_dict(self) -> dict[str, object]:
        """Everything as plain values for JSON."""
        return {
            "row_count": self.row_count,
            "group_count": self.group_count,
            "positive_count": self.positive_count,
            "positive_group_count": self.positive_group_count,
            "negative_group_count": self.negative_group_count,
            "metrics": {name: value.as_dict() for name, value in self.metrics.items()},
            "baselines": {
                baseline: {
                    name: None if np.isnan(value) else round(value, 6)
                    for name, value in values.items()
                }
                for baseline, values in self.baseline_metrics.items()
            },
            "improvements": {
                f"{loss}_vs_{baseline}": value.as_dict()
                for (loss, baseline), value in self.improvements.items()
            },
            "skills": {
                f"{loss}_vs_{baseline}": None if np.isnan(value) else round(value, 6)
                for (loss, baseline), value in self.skills.items()
            },
            "skill_intervals": {
                f"{loss}_vs_{baseline}": value.as_dict()
                for (loss, baseline), value in self.skill_intervals.items()
            },
            "reliability": _rounded(self.reliability),
            "lift": _rounded(self.lift),
            "decisions": self.decisions.as_dict(),
        }


def score_report(
    outcome: Array,
    probability: Array,
    *,
    baselines: Mapping[str, Array],
    groups: Groups,
    seed: int,
    weight: Array | None = None,
    threshold: float = 0.5,
) -> ScoreReport:
    """Judge probabilities against outcomes and baselines.

    Args:
        outcome: 0 or 1, shape (n,).
        probability: the model's, shape (n,).
        baselines: name → that baseline's probabilities, shape (n,).
        groups: n names or numbers; intervals come from resampling whole groups.
        seed: of the resampling.
        weight: of each row, shape (n,); one each if not given.
        threshold: least probability that counts as a yes in `decisions`.
    """
    ones = np.ones(len(outcome)) if weight is None else weight
    _, group_of = np.unique(np.asarray(groups), return_inverse=True)
    pairs = [(loss, baseline) for loss in LOSS_TERMS for baseline in baselines]
    model = [metric(outcome, probability) for metric in METRICS.values()]
    rivals = {pair: averaged(LOSS_TERMS[pair[0]](outcome, baselines[pair[1]])) for pair in pairs}
    gains = [
        averaged(
            LOSS_TERMS[loss](outcome, baselines[baseline]) - LOSS_TERMS[loss](outcome, probability)
        )
        for loss, baseline in pairs
    ]
    rates = observed_rates(outcome, probability)
    _, tenths = lift_statistics(outcome, probability)
    loss_position = {loss: list(METRICS).index(loss) for loss in LOSS_TERMS}

    def everything(weights: Array) -> Array:
        of_model = [metric(weights) for metric in model]
        skills = [skill(of_model[loss_position[pair[0]]], rivals[pair](weights)) for pair in pairs]
        return np.concatenate(
            [
                of_model,
                [gain(weights) for gain in gains],
                skills,
                rates(weights),
                *tenths(weights),
            ]
        )

    estimates = bootstrap_all(everything, group_of, weight=ones, seed=seed)
    metrics = dict(zip(METRICS, estimates, strict=False))
    rest = estimates[len(METRICS) :]
    improvements = dict(zip(pairs, rest, strict=False))
    skill_intervals = dict(zip(pairs, rest[len(pairs) :], strict=False))
    rest = rest[2 * len(pairs) :]
    reliability = reliability_table(outcome, probability, weight)
    return ScoreReport(
        row_count=len(outcome),
        group_count=len(np.unique(group_of)),
        positive_count=int(outcome.sum()),
        positive_group_count=len(np.unique(group_of[outcome == 1])),
        negative_group_count=len(np.unique(group_of[outcome == 0])),
        metrics=metrics,
        baseline_metrics={
            baseline: {name: metric(outcome, values)(ones) for name, metric in METRICS.items()}
            for baseline, values in baselines.items()
        },
        improvements=improvements,
        skills={pair: estimate.value for pair, estimate in skill_intervals.items()},
        skill_intervals=skill_intervals,
        reliability=_widened(reliability, rest[: reliability.height]),
        lift=_with_intervals(
            lift_by_decile(outcome, probability, weight), rest[reliability.height :]
        ),
        decisions=threshold_report(
            outcome, probability, groups=group_of, seed=seed, threshold=threshold, weight=weight
        ),
    )


def _widened(reliability: pl.DataFrame, observed: list[Estimate]) -> pl.DataFrame:
    """The table with intervals that hold Wilson's and the bootstrap's."""
    low = np.array([estimate.low for estimate in observed])
    high = np.array([estimate.high for estimate in observed])
    return reliability.with_columns(
        observed_low=pl.Series(np.fmin(reliability["observed_low"].to_numpy(), low)),
        observed_high=pl.Series(np.fmax(reliability["observed_high"].to_numpy(), high)),
    )


def _with_intervals(lift: pl.DataFrame, estimates: list[Estimate]) -> pl.DataFrame:
    """The lift table with a low and a high column beside each figure."""
    bounds = {
        f"{figure}_{bound}": [
            getattr(estimate, bound)
            for estimate in estimates[number * lift.height : (number + 1) * lift.height]
        ]
        for number, figure in enumerate(LIFT_FIGURES)
        for bound in ("low", "high")
    }
    return lift.with_columns(
        pl.Series(name, values, dtype=pl.Float64).fill_nan(None) for name, values in bounds.items()
    )


def _rounded(table: pl.DataFrame) -> list[dict[str, object]]:
    return table.with_columns(pl.selectors.float().round(6)).to_dicts()
