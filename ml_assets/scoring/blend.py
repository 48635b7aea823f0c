"""Trees, a linear model, or both: log-odds are averaged, so that contributions stay exact."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray

from ml_assets.evaluation import log_loss
from ml_assets.scoring.attribution import TreeAttribution
from ml_assets.scoring.boosting import TrainedTrees, tree_log_odds
from ml_assets.scoring.line import fitted_level, sigmoid
from ml_assets.scoring.linear import STRENGTHS, LinearModel, LinearTrainer
from ml_assets.scoring.splits import Fold, FoldPlan

Array = NDArray[np.float64]
Matrix = NDArray[np.float64]
Kept = Literal["trees", "linear", "blend"]
FoldOrder = Literal["time", "shuffled", "undecided"]

WEIGHTS = tuple(position / 10 for position in range(11))
LEAST_GAIN = 0.002  # of the log loss, that a blend removes to be worth two models


class Blend:
    """What is kept of a training.

    Args:
        trees: boosted trees; None if the linear model alone is kept.
        linear: the linear model; None if the trees alone are kept.
        tree_weight: of the trees' log-odds, 0 to 1; the rest is the linear model's.
    """

    def __init__(
        self, trees: lgb.Booster | None, linear: LinearModel | None, tree_weight: float
    ) -> None:
        self.trees = trees
        self.linear = linear
        self.tree_weight = tree_weight
        self._attribution = None if trees is None else TreeAttribution(trees)

    def log_odds(self, matrix: Matrix, threads: int) -> Array:
        """Uncalibrated log-odds, shape (n,)."""
        total = np.zeros(len(matrix))
        if self.trees is not None:
            total += self.tree_weight * tree_log_odds(self.trees, matrix, threads)
        if self.linear is not None:
            total += (1 - self.tree_weight) * self.linear.log_odds(matrix)
        return total

    def contributions(self, matrix: Matrix, threads: int) -> Matrix:
        """Each column's exact part of the log-odds, shape (n, k + 1); the last is the average's."""
        parts = np.zeros((len(matrix), matrix.shape[1] + 1), order="F")
        if self._attribution is not None:
            parts += self.tree_weight * self._attribution.contributions(matrix, threads)
        if self.linear is not None:
            parts += (1 - self.tree_weight) * self.linear.contributions(matrix)
        return parts


@dataclass(frozen=True)
class Choice:
    """What was kept and why.

    Attributes:
        kept: `trees`, `linear` or `blend`.
        tree_weight: of the trees in the blend.
        losses: model → log loss on held-out rows, the same rows for all, after the level was fitted
            to each fold's outcomes: a rate that drifts says nothing about a model.
        folds: `time` if later rows were held out from earlier ones, `shuffled` if there are none,
            `undecided` if nothing carries over to them.
        held_out: log-odds of the validating rows by what was kept, for calibration.
        linear: the linear model on all rows, if it is kept.
    """

    kept: Kept
    tree_weight: float
    losses: Mapping[str, float]
    folds: FoldOrder
    held_out: Array
    linear: LinearModel | None


def choose(
    matrix: Matrix,
    outcome: Array,
    trees: TrainedTrees,
    *,
    weight: Array,
    validating: NDArray[np.intp],
    plan: FoldPlan,
    category_positions: Sequence[int],
    with_linear: bool,
) -> Choice:
    """Compare the trees with a linear model and their blend on the rows that folds hold out.

    The last fold chooses how strongly the linear model is regularised. If the blend gains nothing
    worth having there, the linear model is not tried on the other folds: that would change nothing.

    Where neither does better than the base rate on later rows, those can't tell which of the two
    will go on to hold, and both speak by half: equal weights are what lasts when the past is no
    guide (Bates & Granger 1969; Smith & Wallis 2009).

    Args:
        matrix: shape (n, k), NaN for missing.
        outcome: 0 or 1, shape (n,).
        trees: trained on the same folds.
        weight: of each row, shape (n,).
        validating: rows that the folds are made of, shape (m,).
        plan: folds of positions within `validating`; the forward ones judge, if there are any.
        category_positions: columns of the matrix that hold category codes.
        with_linear: whether the trees have a rival at all.
    """
    y, w = outcome[validating], weight[validating]
    trainer = LinearTrainer(matrix[validating], y, w, category_positions) if with_linear else None
    order: FoldOrder = "time"
    contest = None
    if plan.forward:
        contest = _contest(trainer, trees.forward, _Judge(y, w, plan.forward))
    if contest is None or contest.is_idle:
        order = "undecided" if plan.forward and trainer is not None else "shuffled"
        contest = _contest(trainer, trees.held_out, _Judge(y, w, plan.shuffled))
    if order == "undecided":
        contest = replace(contest, kept="blend", tree_weight=0.5)
    if trainer is None or contest.kept == "trees":
        return Choice("trees", 1.0, contest.losses, order, trees.held_out, None)
    linear = contest.linear
    if order != "shuffled":
        for train, held in plan.shuffled:
            linear[held] = trainer.log_odds(trainer.fit(train, [contest.strength])[0], held)
    share = contest.tree_weight
    return Choice(
        contest.kept,
        share,
        contest.losses,
        order,
        held_out=share * trees.held_out + (1 - share) * linear,
        linear=trainer.fit(np.arange(len(validating)), [contest.strength])[0],
    )


@dataclass(frozen=True)
class _Contest:
    """What a set of folds says, as in `Choice`; `linear` holds the linear model's answers."""

    kept: Kept
    tree_weight: float
    losses: Mapping[str, float]
    strength: float
    linear: Array

    @property
    def is_idle(self) -> bool:
        """Whether no model does better than the base rate."""
        best = min(self.losses[name] for name in self.losses if name != "base_rate")
        return best > self.losses["base_rate"] * (1 - LEAST_GAIN)


def _contest(trainer: LinearTrainer | None, of_trees: Array, judge: _Judge) -> _Contest:
    linear = np.full(len(of_trees), np.nan)
    if trainer is None:
        return _Contest("trees", 1.0, judge.losses(of_trees, None), 0.0, linear)
    train, held = judge.folds[-1]
    last = replace(judge, folds=[judge.folds[-1]])
    answers: dict[float, Array] = {}
    for model in trainer.fit(train, STRENGTHS):
        answers[model.strength] = linear.copy()
        answers[model.strength][held] = trainer.log_odds(model, held)
    strength = min(answers, key=lambda c: last.loss(answers[c]))
    linear = answers[strength]
    if last.verdict(of_trees, linear)[0] == "trees":
        return _Contest("trees", 1.0, last.losses(of_trees, linear), strength, linear)
    for train, held in judge.folds[:-1]:
        linear[held] = trainer.log_odds(trainer.fit(train, [strength])[0], held)
    kept, tree_weight = judge.verdict(of_trees, linear)
    return _Contest(kept, tree_weight, judge.losses(of_trees, linear), strength, linear)


@dataclass(frozen=True)
class _Judge:
    """Compares log-odds on the held-out rows of each fold."""

    outcome: Array
    weight: Array
    folds: Sequence[Fold]

    def loss(self, log_odds: Array) -> float:
        """Log loss over all held-out rows, after the level was fitted to each fold."""
        total, mass = 0.0, 0.0
        for _, rows in self.folds:
            y, w = self.outcome[rows], self.weight[rows]
            total += log_loss(y, sigmoid(fitted_level(y, log_odds[rows], w)), w) * w.sum()
            mass += w.sum()
        return float(total / mass)

    def by_weight(self, trees: Array, linear: Array) -> list[float]:
        return [self.loss(share * trees + (1 - share) * linear) for share in WEIGHTS]

    def verdict(self, trees: Array, linear: Array) -> tuple[Kept, float]:
        """What to keep and the trees' weight: one model, unless two are clearly better."""
        losses = self.by_weight(trees, linear)
        best = int(np.argmin(losses))
        enough = losses[best] * (1 + LEAST_GAIN)
        if min(losses[0], losses[-1]) <= enough:
            return ("linear", 0.0) if losses[0] < losses[-1] else ("trees", 1.0)
        return "blend", WEIGHTS[best]

    def losses(self, trees: Array, linear: Array | None) -> dict[str, float]:
        """Of each model, and of the base rate of each fold."""
        base_rate = self.loss(np.zeros(len(self.outcome)))
        if linear is None:
            return {"trees": self.loss(trees), "base_rate": base_rate}
        losses = self.by_weight(trees, linear)
        return {
            "trees": losses[-1],
            "linear": losses[0],
            "blend": min(losses),
            "base_rate": base_rate,
        }
