"""A regularised logistic regression that is a sum of one curve per column.

Numbers are clipped at their outer thousandths, taken as logarithms where they are skewed,
standardised, and joined by their rank; categories get a value each; whatever is missing has a value
of its own. As the log-odds are a sum over columns, each column's contribution is exact: its own
curve minus the curve's mean over the training rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression  # pyright: ignore[reportMissingTypeStubs]
from threadpoolctl import threadpool_limits  # pyright: ignore[reportMissingTypeStubs]

Array = NDArray[np.float64]
Matrix = NDArray[np.float64]

STRENGTHS = (0.001, 0.01, 0.1, 1.0)
CLIPPED_SHARE = 0.001
SKEW_OF_LOGARITHM = 2.0
RANK_KNOTS = 33
LEAST_DISTINCT_FOR_RANK = 12
MOST_CATEGORIES = 60
MOST_NEWTON_COLUMNS = 400
FIT_ROWS = 200_000


@dataclass(frozen=True)
class Term:
    """One column's part of the design.

    Attributes:
        is_category: whether the column holds category codes 0 … categories - 1.
        categories: codes with a value of their own; further ones count as missing.
        low, high: numbers are clipped to these.
        is_log: whether the signed logarithm of 1 + |x| is taken.
        mean, scale: of the number after that.
        knots: quantiles whose positions are the rank; empty without one.
        has_missing: whether a missing value has a weight of its own.
    """

    is_category: bool
    categories: int = 0
    low: float = 0.0
    high: float = 0.0
    is_log: bool = False
    mean: float = 0.0
    scale: float = 1.0
    knots: tuple[float, ...] = ()
    has_missing: bool = False

    @property
    def width(self) -> int:
        """Columns of the design."""
        if self.is_category:
            return self.categories + self.has_missing
        return (self.scale > 0) + bool(self.knots) + self.has_missing

    def design(self, values: Array) -> Matrix:
        """Shape (n, width)."""
        if self.is_category:
            codes = self._codes(values)
            return (codes[:, None] == np.arange(self.width)).astype(np.float64)
        return np.column_stack(self._number_parts(values)) if self.width else _empty(values)

    def curve(self, values: Array, weights: Array) -> Array:
        """The design times its weights, shape (n,)."""
        if self.is_category:
            return np.append(weights, 0.0)[self._codes(values)]
        total = np.zeros(len(values))
        for part, weight in zip(self._number_parts(values), weights, strict=True):
            total += part * weight
        return total

    def _codes(self, values: Array) -> NDArray[np.int64]:
        known = (values >= 0) & (values < self.categories)
        return np.where(known, values, self.categories).astype(np.int64)

    def _number_parts(self, values: Array) -> list[Array]:
        missing = np.isnan(values)
        parts: list[Array] = []
        if self.scale > 0:
            moved = (
                _transformed(values, self.low, self.high, self.is_log) - self.mean
            ) / self.scale
            parts.append(np.where(missing, 0.0, moved))
        if self.knots:
            rank = np.interp(values, self.knots, np.linspace(-1, 1, len(self.knots)))
            parts.append(np.where(missing, 0.0, rank))
        if self.has_missing:
            parts.append(missing.astype(np.float64))
        return parts


@dataclass(frozen=True)
class LinearModel:
    """A trained regression over the columns of the encoded matrix.

    Attributes:
        terms: one per matrix column.
        weights: of each term's design columns.
        centres: mean of each term's curve over the training rows, shape (k,).
        intercept: log-odds of the average row.
        strength: the regularisation's C as scikit-learn counts it.
    """

    terms: tuple[Term, ...]
    weights: tuple[Array, ...]
    centres: Array
    intercept: float
    strength: float

    def log_odds(self, matrix: Matrix) -> Array:
        """Shape (n,)."""
        return self.contributions(matrix).sum(axis=1)

    def contributions(self, matrix: Matrix) -> Matrix:
        """Each column's part of the log-odds, shape (n, k + 1); the last is the average row's."""
        parts = np.empty((len(matrix), len(self.terms) + 1), order="F")
        for position, (term, weights) in enumerate(zip(self.terms, self.weights, strict=True)):
            curve = term.curve(matrix[:, position], weights)
            parts[:, position] = curve - self.centres[position]
        parts[:, -1] = self.intercept
        return parts

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "terms": [vars(term) | {"knots": list(term.knots)} for term in self.terms],
            "weights": [weights.tolist() for weights in self.weights],
            "centres": self.centres.tolist(),
            "intercept": self.intercept,
            "strength": self.strength,
        }

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """The inverse of `as_dict`."""
        return cls(
            terms=tuple(
                Term(**(term | {"knots": tuple(term["knots"])})) for term in values["terms"]
            ),
            weights=tuple(np.array(weights, dtype=np.float64) for weights in values["weights"]),
            centres=np.array(values["centres"], dtype=np.float64),
            intercept=values["intercept"],
            strength=values["strength"],
        )


class LinearTrainer:
    """Trains regressions on parts of the rows; what columns look like is learnt from all of them.

    Args:
        matrix: shape (n, k), NaN for missing.
        outcome: 0 or 1, shape (n,).
        weight: of each row, shape (n,).
        category_positions: columns of the matrix that hold category codes.
    """

    def __init__(
        self, matrix: Matrix, outcome: Array, weight: Array, category_positions: Sequence[int]
    ) -> None:
        self.matrix, self.outcome, self.weight = matrix, outcome, weight
        self.terms = tuple(_learn_terms(matrix, set(category_positions)))
        parts = [term.design(matrix[:, position]) for position, term in enumerate(self.terms)]
        self.design = np.concatenate(parts, axis=1, dtype=np.float64)
        self._ends = np.cumsum([term.width for term in self.terms])[:-1]
        solver = "newton-cholesky" if self.design.shape[1] <= MOST_NEWTON_COLUMNS else "lbfgs"
        # Each fit starts from the last one's weights, which are nearly its own.
        self._regression: Any = LogisticRegression(
            solver=solver, warm_start=True, tol=1e-4, max_iter=200
        )

    def fit(self, rows: NDArray[np.intp], strengths: Sequence[float]) -> list[LinearModel]:
        """One regression for each strength of regularisation, best given from strong to weak.

        Args:
            rows: positions of the rows to learn from; of more than `FIT_ROWS` evenly spaced ones
                are taken, as more would not move so few weights.
            strengths: the regularisation's C of each model.
        """
        if len(rows) > FIT_ROWS:
            rows = rows[np.linspace(0, len(rows) - 1, FIT_ROWS).astype(np.intp)]
        design, outcome, weight = self.design[rows], self.outcome[rows], self.weight[rows]
        share = weight / weight.sum()
        means = share @ design
        models: list[LinearModel] = []
        # The number of BLAS threads would change the last bits of the weights.
        with threadpool_limits(1):
            for strength in strengths:
                if design.shape[1] == 0:
                    rate = share @ outcome
                    found, intercept = np.zeros(0), float(np.log(rate / (1 - rate)))
                else:
                    self._regression.C = strength
                    self._regression.fit(design, outcome, sample_weight=share * len(share))
                    found = self._regression.coef_[0].copy()
                    intercept = float(self._regression.intercept_[0])
                weights = np.split(found, self._ends)
                centres = np.array(
                    [a @ b for a, b in zip(weights, np.split(means, self._ends), strict=True)]
                )
                models.append(
                    LinearModel(
                        self.terms,
                        tuple(weights),
                        centres,
                        intercept + float(centres.sum()),
                        strength,
                    )
                )
        return models

    def log_odds(self, model: LinearModel, rows: NDArray[np.intp]) -> Array:
        """What a model says of some of the rows, shape (len(rows),)."""
        weights = np.concatenate([*model.weights])
        with threadpool_limits(1):
            return self.design[rows] @ weights + model.intercept - model.centres.sum()


def _learn_terms(matrix: Matrix, categories: set[int]) -> list[Term]:
    """Terms of all columns; columns that miss the same rows share the first one's weight for it."""
    seen: set[bytes] = set()
    terms: list[Term] = []
    for position in range(matrix.shape[1]):
        values = matrix[:, position]
        missing = np.isnan(values)
        if position in categories:
            count = 0 if missing.all() else int(np.nanmax(values)) + 1
            count = min(count, MOST_CATEGORIES)
            terms.append(Term(is_category=True, categories=count, has_missing=count > 0))
            continue
        pattern = np.packbits(missing).tobytes()
        is_new = bool(missing.any()) and not missing.all() and pattern not in seen
        seen.add(pattern)
        terms.append(_number_term(values[~missing], has_missing=is_new))
    return terms


def _number_term(known: Array, *, has_missing: bool) -> Term:
    if len(known) == 0:
        return Term(is_category=False, scale=0.0)
    low, high = (float(q) for q in np.quantile(known, [CLIPPED_SHARE, 1 - CLIPPED_SHARE]))
    if low == high:
        low, high = float(known.min()), float(known.max())
    clipped = np.clip(known, low, high)
    is_log = abs(_skew(clipped)) > SKEW_OF_LOGARITHM
    moved = _transformed(known, low, high, is_log)
    knots = np.unique(np.quantile(known, np.linspace(0, 1, RANK_KNOTS)))
    has_rank = len(knots) >= LEAST_DISTINCT_FOR_RANK
    return Term(
        is_category=False,
        low=low,
        high=high,
        is_log=is_log,
        mean=float(moved.mean()),
        scale=float(moved.std()),
        knots=tuple(knots.tolist()) if has_rank else (),
        has_missing=has_missing,
    )


def _transformed(values: Array, low: float, high: float, is_log: bool) -> Array:
    clipped = np.clip(values, low, high)
    return np.sign(clipped) * np.log1p(np.abs(clipped)) if is_log else clipped


def _skew(values: Array) -> float:
    spread = values.std()
    return float(((values - values.mean()) ** 3).mean() / spread**3) if spread > 0 else 0.0


def _empty(values: Array) -> Matrix:
    return np.empty((len(values), 0))
