"""Gradient-boosted trees that come out the same to the bit, of a shape that suits the rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, cast

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray

from ml_assets.scoring.settings import ScorerSettings
from ml_assets.scoring.splits import Fold, FoldPlan, drawn_groups

Array = NDArray[np.float64]
Matrix = NDArray[np.float64]
MANY_ROWS = 200_000
ROUNDS_FOR_MANY = 150
LEAVES_FOR_MANY = 16
LEAST_ROWS_PER_LEAF = 8
LEAST_COLUMNS = 3
ROWS_PER_LEAF_ROWS = 30  # a leaf needs at most one row in so many
RACE_RATE, RACE_ROUNDS, RACE_PATIENCE = 0.1, 120, 10
FINALISTS = 2
FEW_ROWS = 2_000
# LightGBM's own annotations of these two are incomplete.
_cross_validate = cast("Callable[..., dict[str, Any]]", lgb.cv)
_train = cast("Callable[..., lgb.Booster]", lgb.train)


@dataclass(frozen=True)
class TrainedTrees:
    """Trees trained on all rows, and what trees that had not seen a row say of it.

    Attributes:
        booster: the model.
        held_out: log-odds of each validating row, shape (m,), from the shuffled fold that has not
            seen it.
        forward: the same from the forward folds; NaN where a row is in none.
        shape: name of the chosen shape.
        losses: shape → log loss that it was chosen by; the given shape only, without tuning.
    """

    booster: lgb.Booster
    held_out: Array
    forward: Array
    shape: str
    losses: Mapping[str, float]


@dataclass(frozen=True)
class _Validation:
    """A booster per fold, the rounds that are best on average, and the mean log loss there."""

    boosters: list[lgb.Booster]
    rounds: int
    loss: float


def train_trees(
    matrix: Matrix,
    outcome: Array,
    *,
    weight: Array,
    groups: NDArray[np.int64],
    validating: NDArray[np.intp],
    plan: FoldPlan,
    category_positions: Sequence[int],
    settings: ScorerSettings,
) -> TrainedTrees:
    """Boosted trees on all rows, with the shape and as many rounds as the folds found best.

    Args:
        matrix: shape (n, k), NaN for missing.
        outcome: 0 or 1, shape (n,).
        weight: of each row, shape (n,).
        groups: of each row, shape (n,).
        validating: rows that the folds are made of, shape (m,).
        plan: folds of positions within `validating`.
        category_positions: columns of the matrix that hold category codes.
        settings: parameters.
    """
    sized = suited(settings, *matrix.shape)
    everything = len(validating) == len(matrix)
    part = slice(None) if everything else validating
    shown, shown_outcome, shown_weight = matrix[part], outcome[part], weight[part]
    data = _dataset(shown, shown_outcome, shown_weight, category_positions, sized)
    finalists = _finalists(
        shown, shown_outcome, shown_weight, groups[part], plan.shuffled, category_positions, sized
    )
    validations = {
        name: _validated(data, shape, plan.shuffled, shape.max_rounds, shape.patience)
        for name, shape in finalists.items()
    }
    losses = {name: validation.loss for name, validation in validations.items()}
    shape = min(losses, key=losses.__getitem__)
    chosen, rounds = finalists[shape], validations[shape].rounds
    held_out = np.full(len(shown), np.nan)
    for booster, (_, rows) in zip(validations[shape].boosters, plan.shuffled, strict=True):
        held_out[rows] = tree_log_odds(booster, shown[rows], chosen.num_threads, rounds)
    forward = np.full(len(shown), np.nan)
    for train, rows in plan.forward:
        booster = _train(
            booster_parameters(chosen), data.subset(train.tolist()), num_boost_round=rounds
        )
        forward[rows] = tree_log_odds(booster, shown[rows], chosen.num_threads)
    if not everything:
        data = _dataset(matrix, outcome, weight, category_positions, chosen)
    booster = _train(booster_parameters(chosen), data, num_boost_round=rounds)
    return TrainedTrees(booster, held_out, forward, shape, losses)


def suited(settings: ScorerSettings, rows: int, columns: int) -> ScorerSettings:
    """The settings, with smaller leaves for few rows, longer steps for many, more of few columns.

    A tree that sees one column can't know how two go together.
    """
    share = min(1.0, max(settings.feature_share, LEAST_COLUMNS / max(columns, 1)))
    if rows >= MANY_ROWS:
        return replace(
            settings,
            feature_share=share,
            learning_rate=max(settings.learning_rate, RACE_RATE),
            max_rounds=min(settings.max_rounds, ROUNDS_FOR_MANY),
            leaves=max(settings.leaves, LEAVES_FOR_MANY),
        )
    enough = max(LEAST_ROWS_PER_LEAF, rows // ROWS_PER_LEAF_ROWS)
    least = min(settings.min_rows_per_leaf, enough)
    return replace(settings, feature_share=share, min_rows_per_leaf=least)


def shapes(settings: ScorerSettings) -> dict[str, ScorerSettings]:
    """The given shape and those that `tuning` pays for, most useful first."""
    all_of_them = {
        "given": settings,
        "few leaves": replace(settings, leaves=4),
        "restrained": replace(
            settings,
            leaves=max(4, settings.leaves // 2),
            min_rows_per_leaf=2 * settings.min_rows_per_leaf,
            feature_share=settings.feature_share / 2,
            l2=5 * settings.l2,
        ),
        "free": replace(
            settings,
            min_rows_per_leaf=max(LEAST_ROWS_PER_LEAF, settings.min_rows_per_leaf // 3),
            feature_share=min(1.0, 1.6 * settings.feature_share),
            l2=settings.l2 / 10,
        ),
        "many leaves": replace(settings, leaves=max(settings.leaves, LEAVES_FOR_MANY)),
    }
    return dict(list(all_of_them.items())[: settings.tuning + 1])


def _finalists(
    matrix: Matrix,
    outcome: Array,
    weight: Array,
    groups: NDArray[np.int64],
    folds: Sequence[Fold],
    category_positions: Sequence[int],
    settings: ScorerSettings,
) -> dict[str, ScorerSettings]:
    """The shapes that deserve all folds and rows: all, if there are few rows, else the two best.

    Those are found on one fold, with at most `tuning_rows` rows and fewer, longer steps.
    """
    rivals = shapes(settings)
    if len(rivals) <= FINALISTS or len(outcome) <= FEW_ROWS:
        return rivals
    drawn = drawn_groups(groups, settings.tuning_rows, settings.seed)
    place = np.cumsum(drawn) - 1
    train, held = (place[rows[drawn[rows]]] for rows in folds[0])
    shown = outcome[drawn]
    if len(np.unique(shown[train])) < 2 or len(np.unique(shown[held])) < 2:
        return {"given": rivals["given"]}
    data = _dataset(matrix[drawn], shown, weight[drawn], category_positions, settings)
    losses: dict[str, float] = {}
    for name, shape in rivals.items():
        faster = replace(shape, learning_rate=max(RACE_RATE, shape.learning_rate))
        rounds = min(RACE_ROUNDS, shape.max_rounds)
        losses[name] = _validated(data, faster, [(train, held)], rounds, RACE_PATIENCE).loss
    best = sorted(rivals, key=losses.__getitem__)[:FINALISTS]
    return {name: rivals[name] for name in best}


def _validated(
    data: lgb.Dataset,
    shape: ScorerSettings,
    folds: Sequence[Fold],
    rounds: int,
    patience: int,
) -> _Validation:
    validation = _cross_validate(
        booster_parameters(shape),
        data,
        num_boost_round=rounds,
        folds=list(folds),
        callbacks=[lgb.early_stopping(patience, verbose=False)],
        return_cvbooster=True,
    )
    losses: list[float] = validation["valid binary_logloss-mean"]
    boosters = cast("list[lgb.Booster]", validation["cvbooster"].boosters)
    return _Validation(boosters, len(losses), float(losses[-1]))


class TreeSettings(Protocol):
    """What trees are grown with, as `ScorerSettings` and others name it."""

    @property
    def learning_rate(self) -> float: ...
    @property
    def leaves(self) -> int: ...
    @property
    def min_rows_per_leaf(self) -> int: ...
    @property
    def feature_share(self) -> float: ...
    @property
    def row_share(self) -> float: ...
    @property
    def l2(self) -> float: ...
    @property
    def seed(self) -> int: ...
    @property
    def num_threads(self) -> int: ...


def tree_parameters(settings: TreeSettings) -> dict[str, Any]:
    """LightGBM's parameters for a yes or no: deterministic, row-wise, seeded, quiet."""
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


def booster_parameters(settings: ScorerSettings) -> dict[str, Any]:
    """`tree_parameters` for data that several shapes are tried on."""
    return tree_parameters(settings) | {"feature_pre_filter": False}


def tree_log_odds(
    booster: lgb.Booster, matrix: Matrix, threads: int, rounds: int | None = None
) -> Array:
    """Uncalibrated log-odds after `rounds` rounds (all, if not given), shape (n,)."""
    if len(matrix) == 0:
        return np.empty(0)
    return np.asarray(
        booster.predict(matrix, raw_score=True, num_iteration=rounds, num_threads=threads),
        dtype=np.float64,
    )


def _dataset(
    matrix: Matrix,
    outcome: Array,
    weight: Array,
    category_positions: Sequence[int],
    settings: ScorerSettings,
) -> lgb.Dataset:
    return lgb.Dataset(
        matrix,
        label=outcome,
        weight=weight,
        categorical_feature=list(category_positions),
        params=booster_parameters(settings),
        free_raw_data=False,
    )
