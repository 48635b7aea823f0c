"""What is asked of a target and of weights, with errors that name the column and the fix."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ml_assets.scoring.splits import LEAST_OF_EACH


def known_outcome(frame: pl.DataFrame, target: str) -> pl.Series:
    """The target as 0.0 and 1.0, null where it is unknown.

    Raises:
        ValueError: the column is missing, or holds anything but yes and no.
    """
    if target not in frame.columns:
        raise ValueError(f"The frame has no target column {target!r}.")
    series = frame[target]
    if not (series.dtype.is_numeric() or isinstance(series.dtype, (pl.Boolean, pl.Null))):
        raise ValueError(
            f"Target {target!r} is of type {series.dtype} and should be true or false. Convert it, "
            f"for example pl.col({target!r}) == 'yes'."
        )
    outcome = series.cast(pl.Float64).fill_nan(None)
    others = outcome.drop_nulls().unique().sort()
    others = others.filter(~others.is_in([0.0, 1.0]))
    if len(others):
        raise ValueError(
            f"Target {target!r} should hold true, false, 0, 1 or nothing, but also holds "
            f"{others[0]:g}. Convert it, for example pl.col({target!r}) > 0."
        )
    return outcome


def require_both_outcomes(
    target: str, outcome: NDArray[np.float64], groups: NDArray[np.int64]
) -> None:
    """Refuse what nothing can be learnt from.

    Raises:
        ValueError: an outcome has no rows, or too few groups.
    """
    positives = len(np.unique(groups[outcome == 1]))
    negatives = len(np.unique(groups[outcome == 0]))
    if min(positives, negatives) == 0:
        raise ValueError(
            f"Training on {target!r} needs rows of both outcomes, but its {len(outcome)} rows hold "
            "at most one."
        )
    if min(positives, negatives) < LEAST_OF_EACH:
        raise ValueError(
            f"Training on {target!r} needs rows of both outcomes, at least {LEAST_OF_EACH} of each "
            f"(in different groups), but there are {positives} positive and {negatives} negative "
            "ones. Take a longer period, or use the base rate."
        )


def checked_weight(frame: pl.DataFrame, weight: str | None) -> NDArray[np.float64]:
    """Row weights, one each if no column is named, shape (n,).

    Raises:
        ValueError: a weight is missing or negative.
    """
    if weight is None:
        return np.ones(frame.height)
    values = frame[weight].cast(pl.Float64).fill_null(float("nan")).to_numpy()
    if not (values >= 0).all():
        raise ValueError(
            f"Weight column {weight!r} holds missing or negative values. Fill them, or leave those "
            "rows out."
        )
    return values
