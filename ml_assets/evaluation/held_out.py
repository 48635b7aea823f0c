"""Predictions on rows that a model had not seen, as training leaves them to be judged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl

from ml_assets.evaluation.metrics import Array
from ml_assets.evaluation.report import ScoreReport, score_report

BASELINE_PREFIX = "baseline_"


def held_out_frame(
    outcome: Array,
    probability: Array,
    *,
    baselines: Mapping[str, Array],
    groups: Sequence[str],
    weight: Array | None = None,
    days: pl.Series | None = None,
) -> pl.DataFrame:
    """Predictions on rows that a model had not seen, with all that they are judged by.

    Args:
        outcome: 0 or 1, shape (n,).
        probability: the model's, shape (n,).
        baselines: name → that baseline's probabilities, shape (n,).
        groups: n names; intervals come from resampling whole groups.
        weight: of each row, shape (n,); one each if not given.
        days: evening of each prediction, by which the calibration over time is looked at.

    Returns:
        Columns outcome, probability, group, weight and `baseline_<name>` for each baseline, and
        as_of_date where days are given.
    """
    frame = pl.DataFrame(
        {
            "outcome": outcome,
            "probability": probability,
            "group": pl.Series(groups, dtype=pl.String),
            "weight": np.ones(len(outcome)) if weight is None else weight,
            **{f"{BASELINE_PREFIX}{name}": values for name, values in baselines.items()},
        }
    )
    return frame if days is None else frame.with_columns(days.cast(pl.Date).alias("as_of_date"))


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
