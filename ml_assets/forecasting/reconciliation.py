"""Forecasts of a hierarchy made coherent, so that children sum to their parents.

Notation and methods: Wickramasuriya, Athanasopoulos and Hyndman (2019), "Optimal forecast
reconciliation for hierarchical and grouped time series through trace minimization". With n nodes
of which m are leaves, S (n by m) says which leaves each node sums, and reconciled forecasts are
S·G·ŷ; the methods differ in G.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Self, cast

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import optimize  # pyright: ignore[reportMissingTypeStubs]

Array = NDArray[np.float64]
Method = Literal["bottom_up", "ols", "wls_struct", "mint_shrink"]
# scipy comes without annotations.
_nonnegative_least_squares = cast("Callable[[Array, Array], tuple[Array, float]]", optimize.nnls)
SMALLEST_VARIANCE_SHARE = 1e-6


@dataclass(frozen=True)
class Hierarchy:
    """Who sums whom.

    Attributes:
        nodes: every name once: those with children first, then the leaves, each in order of name.
        leaves: names without children, in order of name.
        summing: S, shape (len(nodes), len(leaves)): 1 where the leaf belongs to the node.
    """

    nodes: tuple[str, ...]
    leaves: tuple[str, ...]
    summing: Array = field(repr=False)

    @classmethod
    def from_edges(cls, edges: pl.DataFrame) -> Self:
        """Build the hierarchy from its edges.

        A child may have several parents (regions and products, say, over the same leaves). A node
        is the sum of the leaves below it, each counted once, by however many ways it is reached.

        Args:
            edges: one row per child and parent, text columns `parent` and `child`; a row whose
                parent is null only names a node.

        Raises:
            ValueError: a node is its own ancestor, a child is null, or there is no row.
        """
        if edges.height == 0 or edges["child"].null_count():
            raise ValueError("A hierarchy needs at least one row, and a child in every row.")
        children: dict[str, set[str]] = {}
        for parent, child in edges.select("parent", "child").iter_rows():
            children.setdefault(child, set())
            if parent is not None:
                children.setdefault(parent, set()).add(child)
        below: dict[str, frozenset[str]] = {}
        for node in sorted(children):
            _collect_leaves(node, children, below, ())
        leaves = tuple(sorted(node for node, own in children.items() if not own))
        nodes = (*sorted(node for node, own in children.items() if own), *leaves)
        summing = np.array(
            [[float(leaf in below[node]) for leaf in leaves] for node in nodes], dtype=np.float64
        )
        return cls(nodes, leaves, summing)

    @property
    def leaf_positions(self) -> NDArray[np.intp]:
        """Where the leaves are among the nodes, in the order of `leaves`."""
        return np.arange(len(self.nodes) - len(self.leaves), len(self.nodes))


def _collect_leaves(
    node: str,
    children: Mapping[str, set[str]],
    below: dict[str, frozenset[str]],
    path: tuple[str, ...],
) -> frozenset[str]:
    if node in path:
        circle = " → ".join((*path[path.index(node) :], node))
        raise ValueError(f"The hierarchy runs in a circle: {circle}. Remove one of these edges.")
    if node not in below:
        found = [_collect_leaves(one, children, below, (*path, node)) for one in children[node]]
        below[node] = frozenset().union(*found) if found else frozenset((node,))
    return below[node]


class Reconciler:
    """Turns forecasts of all nodes into coherent ones.

    Args:
        hierarchy: who sums whom.
        method: `bottom_up` sums the leaves and ignores the rest; `ols` weighs all nodes alike;
            `wls_struct` by the number of leaves they sum; `mint_shrink` by the covariance of past
            errors, shrunk towards its diagonal (Schäfer and Strimmer 2005).
        residuals: past errors of each node, shape (nodes, errors), in the order of
            `hierarchy.nodes`; only `mint_shrink` needs them. Columns with NaN are left out.
        nonnegative: keep every node at 0 or more, by the constrained least squares of
            Wickramasuriya, Turlach and Hyndman (2020).

    Raises:
        ValueError: `mint_shrink` without residuals of the right shape, or with fewer than two
            complete columns.
    """

    def __init__(
        self,
        hierarchy: Hierarchy,
        method: Method = "wls_struct",
        *,
        residuals: Array | None = None,
        nonnegative: bool = False,
    ) -> None:
        self.hierarchy = hierarchy
        self.method = method
        self.nonnegative = nonnegative
        summing = hierarchy.summing
        self._precision: Array
        if method == "bottom_up":
            self._precision = np.diag(np.isin(hierarchy.nodes, hierarchy.leaves).astype(np.float64))
        elif method == "ols":
            self._precision = np.eye(len(summing))
        elif method == "wls_struct":
            self._precision = np.diag(1.0 / summing.sum(axis=1))
        else:
            covariance = _checked_covariance(residuals, len(summing))
            self._precision = np.asarray(np.linalg.inv(covariance), dtype=np.float64)
        weighted = summing.T @ self._precision
        self._gathering = np.linalg.solve(weighted @ summing, weighted)

    def reconcile(self, forecasts: Array) -> Array:
        """Coherent values, column by column: points, or sample paths drawn for all nodes at once.

        Args:
            forecasts: shape (nodes,) or (nodes, k), in the order of `hierarchy.nodes`.

        Returns:
            The same shape. Every node is the sum of its leaves.
        """
        return self._up(self._leaf_values(_columns(forecasts)), forecasts)

    def reconcile_quantiles(self, quantiles: Array) -> Array:
        """Coherent quantiles of nodes that rise and fall together.

        Quantiles of one probability add up only where the parts are comonotone, so a parent's come
        out as wide as they can be. Where the parts' errors partly cancel, draw `sample_paths` and
        `reconcile` these instead.

        Args:
            quantiles: shape (nodes, k), by ascending probability.

        Returns:
            The same shape: every column coherent, every row non-decreasing.
        """
        leaves = np.sort(self._leaf_values(_columns(quantiles)), axis=1)
        return self._up(leaves, quantiles)

    def _up(self, leaves: Array, like: Array) -> Array:
        return (self.hierarchy.summing @ leaves).reshape(like.shape)

    def _leaf_values(self, forecasts: Array) -> Array:
        if len(forecasts) != len(self.hierarchy.nodes):
            raise ValueError(
                f"Forecasts of {len(forecasts)} nodes for a hierarchy of "
                f"{len(self.hierarchy.nodes)}: give one row per node, in the order of its nodes."
            )
        leaves = self._gathering @ forecasts
        if not self.nonnegative:
            return leaves
        below_zero = np.flatnonzero((leaves < 0).any(axis=0))
        if len(below_zero):
            root = _square_root(self._precision)
            design = root @ self.hierarchy.summing
            for column in below_zero:
                leaves[:, column] = _nonnegative_least_squares(design, root @ forecasts[:, column])[
                    0
                ]
        return leaves


def _columns(values: Array) -> Array:
    return values.reshape(len(values), -1)


def _square_root(matrix: Array) -> Array:
    values, vectors = np.linalg.eigh(matrix)
    return (vectors * np.sqrt(np.maximum(values, 0.0))).T


def _checked_covariance(residuals: Array | None, nodes: int) -> Array:
    if residuals is None or residuals.ndim != 2 or len(residuals) != nodes:
        shape = None if residuals is None else residuals.shape
        raise ValueError(
            f"mint_shrink needs past errors of shape ({nodes}, errors), but got {shape}. "
            "Give `residuals`, or choose wls_struct."
        )
    complete = residuals[:, ~np.isnan(residuals).any(axis=0)]
    if complete.shape[1] < 2:
        raise ValueError(
            f"mint_shrink needs at least two errors that all {nodes} nodes have, but there are "
            f"{complete.shape[1]}. Choose wls_struct."
        )
    return shrunk_covariance(complete)


def shrunk_covariance(errors: Array) -> Array:
    """Second moments of the errors, shrunk towards their diagonal as far as noise demands.

    Args:
        errors: shape (n, t), t ≥ 2, without NaN.

    Returns:
        Shape (n, n), positive definite: a variance of next to nothing is raised to a millionth of
        the mean, and if all errors are zero the result is the identity.
    """
    count = errors.shape[1]
    variance = (errors**2).mean(axis=1)
    mean = variance.mean()
    if mean <= 0:
        return np.eye(len(errors))
    variance = np.maximum(variance, SMALLEST_VARIANCE_SHARE * mean)
    deviation = np.sqrt(variance)
    scaled = errors / deviation[:, None]
    correlation = scaled @ scaled.T / count
    noise = ((scaled**2) @ (scaled**2).T / count - correlation**2) / (count - 1)
    np.fill_diagonal(noise, 0.0)
    signal = correlation**2
    np.fill_diagonal(signal, 0.0)
    # Some shrinkage is always kept: with fewer errors than nodes the matrix would be singular.
    intensity = min(1.0, max(0.01, noise.sum() / signal.sum())) if signal.sum() > 0 else 1.0
    shrunk = (1.0 - intensity) * correlation
    np.fill_diagonal(shrunk, 1.0)
    return shrunk * np.outer(deviation, deviation)


def sample_paths(
    quantiles: Array,
    probabilities: Sequence[float],
    *,
    draws: int,
    seed: int,
    errors: Array | None = None,
) -> Array:
    """Draws for all nodes at once that have the given quantiles, node by node.

    How nodes move together is taken from the ranks of past errors (the empirical copula, as in Ben
    Taieb, Taylor and Hyndman 2021); without errors the nodes are drawn independently. Quantiles
    are interpolated linearly and held flat outside the outermost.

    Args:
        quantiles: shape (n, k), non-decreasing along each row.
        probabilities: k ascending values within (0, 1).
        draws: number of draws.
        seed: of the draws.
        errors: shape (n, t); columns with NaN are left out.

    Returns:
        Shape (n, draws).
    """
    rng = np.random.default_rng(seed)
    count = len(quantiles)
    complete = None if errors is None else errors[:, ~np.isnan(errors).any(axis=0)]
    if complete is None or complete.shape[1] < 2:
        levels = (np.argsort(rng.random((count, draws)), axis=1) + 0.5) / draws
    else:
        moments = rng.integers(complete.shape[1], size=draws)
        # Ties are broken alike for all nodes, by a jitter of each draw.
        picked = complete[:, moments]
        jitter = rng.random(draws)
        levels = np.empty((count, draws))
        for node in range(count):
            levels[node, np.lexsort((jitter, picked[node]))] = (np.arange(draws) + 0.5) / draws
    paths = np.empty((count, draws))
    for node in range(count):
        paths[node] = np.interp(levels[node], probabilities, quantiles[node])
    return paths


def reconcile_frame(
    forecasts: pl.DataFrame, reconciler: Reconciler, *, id_column: str = "unique_id"
) -> pl.DataFrame:
    """A forecast in long format with its `mean` and its bounds made coherent, period by period.

    Bounds are reconciled as quantiles of comonotone nodes (see `Reconciler.reconcile_quantiles`).

    Args:
        forecasts: `id_column`, `ds`, `mean` and any `lo-…` and `hi-…`; one row per node and period.
        reconciler: fitted to the hierarchy.
        id_column: names of the nodes.

    Returns:
        The same columns and rows, by node and period.

    Raises:
        ValueError: a node of the hierarchy lacks a period, or a name is not in the hierarchy.
    """
    nodes = reconciler.hierarchy.nodes
    periods = forecasts["ds"].unique().sort()
    grid = pl.DataFrame({id_column: nodes}).join(pl.DataFrame({"ds": periods}), how="cross")
    joined = grid.join(forecasts, on=[id_column, "ds"], how="left", maintain_order="left")
    unknown = sorted(set(forecasts[id_column].to_list()) - set(nodes))
    absent = joined.filter(pl.col("mean").is_null())
    if unknown or absent.height or joined.height != forecasts.height:
        first = unknown[:1] or absent[id_column].to_list()[:1]
        raise ValueError(
            f"The forecast must have one row per node of the hierarchy and period; {first} "
            f"{'is not a node' if unknown else 'lacks a period or has it twice'}."
        )
    lows = sorted((name for name in joined.columns if name.startswith("lo-")), key=_level)
    highs = sorted((name for name in joined.columns if name.startswith("hi-")), key=_level)
    shape = (len(nodes), len(periods))
    mean = reconciler.reconcile(joined["mean"].to_numpy().reshape(shape))
    bounds = [*reversed(lows), *highs]
    values = {"mean": mean.ravel()}
    if bounds:
        stacked = np.stack([joined[name].to_numpy().reshape(shape) for name in bounds], axis=2)
        coherent = np.stack(
            [reconciler.reconcile_quantiles(stacked[:, step]) for step in range(shape[1])], axis=1
        )
        values |= {name: coherent[:, :, at].ravel() for at, name in enumerate(bounds)}
    return joined.with_columns(**{name: pl.Series(column) for name, column in values.items()})


def _level(name: str) -> float:
    return float(name.split("-", 1)[1])
