"""Gradient-boosted trees that come out the same to the bit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray

from ml_assets.scoring.settings import ScorerSettings
from ml_assets.scoring.splits import group_folds

Matrix = NDArray[np.float64]
# LightGBM's own annotations of these two are incomplete.
_cross_validate = cast("Callable[..., dict[str, Any]]", lgb.cv)
_train = cast("Callable[..., lgb.Booster]", lgb.train)


@dataclass(frozen=True)
class TrainedBooster:
    """A booster trained on all rows, and what boosters without a row's group say of that row.

    Attributes:
        booster: the model.
        held_out: uncalibrated probability of each training row, shape (n,), from the fold that
            has not seen its group.
    """

    booster: lgb.Booster
    held_out: NDArray[np.float64]


def train_booster(
    matrix: Matrix,
    outcome: NDArray[np.float64],
    *,
    weight: NDArray[np.float64],
    groups: Sequence[str],
    category_positions: Sequence[int],
    settings: ScorerSettings,
) -> TrainedBooster:
    """Boosted trees on all rows, with as many rounds as group-disjoint folds found best.

    Args:
        matrix: shape (n, k), NaN for missing.
        outcome: 0 or 1, shape (n,).
        weight: of each row, shape (n,).
        groups: n names; a group's rows share a fold.
        category_positions: columns of the matrix that hold category codes.
        settings: parameters.
    """
    parameters = booster_parameters(settings)
    data = lgb.Dataset(
        matrix,
        label=outcome,
        weight=weight,
        categorical_feature=list(category_positions),
        params=parameters,
        free_raw_data=False,
    )
    folds = group_folds(groups, settings.folds, settings.seed)
    validation = _cross_validate(
        parameters,
        data,
        num_boost_round=settings.max_rounds,
        folds=folds,
        callbacks=[lgb.early_stopping(settings.patience, verbose=False)],
        return_cvbooster=True,
    )
    rounds = len(validation["valid binary_logloss-mean"])
    held_out = np.empty(len(outcome))
    fold_boosters = cast("list[lgb.Booster]", validation["cvbooster"].boosters)
    for booster, (_, rows) in zip(fold_boosters, folds, strict=True):
        held_out[rows] = raw_probability(booster, matrix[rows], settings.num_threads, rounds)
    booster = _train(parameters, data, num_boost_round=rounds)
    return TrainedBooster(booster, held_out)


def booster_parameters(settings: ScorerSettings) -> dict[str, Any]:
    """LightGBM's parameters: deterministic, row-wise, seeded, quiet."""
    return {
        "objective": "binary",
        "metric": "binary_logloss",
        "learning_rate": settings.learning_rate,
        "num_leaves": settings.leaves,
        "min_data_in_leaf": settings.min_rows_per_leaf,
        "feature_fraction": settings.feature_share,
        "bagging_fraction": settings.row_share,
        "bagging_freq": 1,
        "lambda_l2": settings.l2,
        "cat_smooth": 20.0,
        "cat_l2": 20.0,
        "seed": settings.seed,
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": settings.num_threads,
        "verbosity": -1,
    }


def raw_probability(
    booster: lgb.Booster, matrix: Matrix, threads: int, rounds: int | None = None
) -> NDArray[np.float64]:
    """Uncalibrated probabilities after `rounds` rounds (all, if not given), shape (n,)."""
    if len(matrix) == 0:
        return np.empty(0)
    return np.asarray(
        booster.predict(matrix, num_iteration=rounds, num_threads=threads), dtype=np.float64
    )


def contributions(booster: lgb.Booster, matrix: Matrix, threads: int) -> NDArray[np.float64]:
    """Exact SHAP values in log-odds, shape (n, k + 1); the last column is the expected value.

    Source: Lundberg et al. (2020), "From local explanations to global understanding with
    explainable AI for trees", as built into LightGBM.
    """
    if len(matrix) == 0:
        return np.empty((0, matrix.shape[1] + 1))
    return np.asarray(
        booster.predict(matrix, pred_contrib=True, num_threads=threads), dtype=np.float64
    )
