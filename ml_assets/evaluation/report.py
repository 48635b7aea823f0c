"""One report of a model's predictions on rows that it has not seen."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from ml_assets.evaluation.bootstrap import Estimate, grouped_bootstrap
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
from ml_assets.evaluation.tables import lift_by_decile, reliability_table

METRICS: dict[str, Callable[[Array, Array], WeightedMetric]] = {
    "roc_auc": lambda outcome, probability: ranked(outcome, probability, roc_area),
    "pr_auc": lambda outcome, probability: ranked(outcome, probability, precision_area),
    "log_loss": lambda outcome, probability: averaged(log_loss_terms(outcome, probability)),
    "brier": lambda outcome, probability: averaged(brier_terms(outcome, probability)),
    "ece": binned_gap,
}
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
        reliability: see `reliability_table`.
        lift: see `lift_by_decile`.
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
    reliability: pl.DataFrame
    lift: pl.DataFrame

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
            "reliability": _rounded(self.reliability),
            "lift": _rounded(self.lift),
        }


def score_report(
    outcome: Array,
    probability: Array,
    *,
    baselines: Mapping[str, Array],
    groups: Sequence[str],
    seed: int,
    weight: Array | None = None,
) -> ScoreReport:
    """Judge probabilities against outcomes and baselines.

    Args:
        outcome: 0 or 1, shape (n,).
        probability: the model's, shape (n,).
        baselines: name → that baseline's probabilities, shape (n,).
        groups: n names; intervals come from resampling whole groups.
        seed: of the resampling.
        weight: of each row, shape (n,); one each if not given.
    """
    ones = np.ones(len(outcome)) if weight is None else weight
    metrics = {
        name: grouped_bootstrap(metric(outcome, probability), groups, weight=ones, seed=seed)
        for name, metric in METRICS.items()
    }
    baseline_metrics = {
        baseline: {name: metric(outcome, values)(ones) for name, metric in METRICS.items()}
        for baseline, values in baselines.items()
    }
    improvements: dict[tuple[str, str], Estimate] = {}
    skills: dict[tuple[str, str], float] = {}
    for loss, terms in LOSS_TERMS.items():
        for baseline, values in baselines.items():
            gain = terms(outcome, values) - terms(outcome, probability)
            improvements[loss, baseline] = grouped_bootstrap(
                averaged(gain), groups, weight=ones, seed=seed
            )
            skills[loss, baseline] = skill(metrics[loss].value, baseline_metrics[baseline][loss])
    names = np.asarray(groups, dtype=str)
    return ScoreReport(
        row_count=len(outcome),
        group_count=len(np.unique(names)),
        positive_count=int(outcome.sum()),
        positive_group_count=len(np.unique(names[outcome == 1])),
        negative_group_count=len(np.unique(names[outcome == 0])),
        metrics=metrics,
        baseline_metrics=baseline_metrics,
        improvements=improvements,
        skills=skills,
        reliability=reliability_table(outcome, probability, weight),
        lift=lift_by_decile(outcome, probability, weight),
    )


def _rounded(table: pl.DataFrame) -> list[dict[str, object]]:
    return table.with_columns(pl.selectors.float().round(6)).to_dicts()


BASELINE_PREFIX = "baseline_"


def held_out_frame(
    outcome: Array,
    probability: Array,
    *,
    baselines: Mapping[str, Array],
    groups: Sequence[str],
    weight: Array | None = None,
) -> pl.DataFrame:
    """Predictions on rows that a model had not seen, with all that they are judged by.

    Args:
        outcome: 0 or 1, shape (n,).
        probability: the model's, shape (n,).
        baselines: name → that baseline's probabilities, shape (n,).
        groups: n names; intervals come from resampling whole groups.
        weight: of each row, shape (n,); one each if not given.

    Returns:
        Columns outcome, probability, group, weight and `baseline_<name>` for each baseline.
    """
    return pl.DataFrame(
        {
            "outcome": outcome,
            "probability": probability,
            "group": pl.Series(groups, dtype=pl.String),
            "weight": np.ones(len(outcome)) if weight is None else weight,
            **{f"{BASELINE_PREFIX}{name}": values for name, values in baselines.items()},
        }
    )


def report_on(held_out: pl.DataFrame, seed: int) -> ScoreReport:
    """Judge predictions in the shape of `held_out_frame`.

    Args:
        held_out: the predictions.
        seed: of the resampling.
    """
    return score_report(
        held_out["outcome"].to_numpy(),
        held_out["probability"].to_numpy(),
        baselines={
            name.removeprefix(BASELINE_PREFIX): held_out[name].to_numpy()
            for name in held_out.columns
            if name.startswith(BASELINE_PREFIX)
        },
        groups=held_out["group"].to_list(),
        weight=held_out["weight"].to_numpy(),
        seed=seed,
    )
