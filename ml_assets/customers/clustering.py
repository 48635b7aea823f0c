"""Groups of customers that are alike: k-means that is asked how far it can be trusted.

The number of groups is the one with the best silhouette among those whose groups come back when the
customers are drawn anew. Labels of two clusterings are matched so that the most customers stay
(Hungarian algorithm), so a group keeps its number and name from one training to the next.

Source: Hennig (2007), "Cluster-wise assessment of cluster stability", Computational Statistics &
Data Analysis 52: a mean Jaccard similarity of 0.75 or more is a stable group, below 0.6 it should
not be trusted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self, cast

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.optimize import (  # pyright: ignore[reportMissingTypeStubs]
    linear_sum_assignment,  # pyright: ignore[reportUnknownVariableType]
)
from sklearn.cluster import KMeans  # pyright: ignore[reportMissingTypeStubs]
from sklearn.metrics import (  # pyright: ignore[reportMissingTypeStubs]
    silhouette_samples,  # pyright: ignore[reportUnknownVariableType]
)
from threadpoolctl import threadpool_limits  # pyright: ignore[reportMissingTypeStubs]

Array = NDArray[np.float64]
Ints = NDArray[np.int64]

TRUSTED = 0.6
SILHOUETTE_ROWS = 2_000
STARTS = 4
BOUND = 3.0


@dataclass(frozen=True)
class Standardiser:
    """Columns of customers on one scale: logarithms of skewed ones, by median and spread.

    Attributes:
        features: columns, in order.
        logged: those of which log(1 + x) is taken.
        centre, spread: median and half the distance from the 16th to the 84th hundredth.
    """

    features: tuple[str, ...]
    logged: tuple[str, ...]
    centre: tuple[float, ...]
    spread: tuple[float, ...]

    @classmethod
    def fit(cls, frame: pl.DataFrame, features: Sequence[str], logged: Sequence[str]) -> Self:
        """Learn the scale from rows; nulls and what is not finite don't count."""
        values = _raw(frame, features, logged)
        with np.errstate(all="ignore"):
            low, centre, high = np.nanquantile(values, (0.16, 0.5, 0.84), axis=0)
        centre = np.nan_to_num(centre)
        half = np.nan_to_num((high - low) / 2)
        deviation = np.nan_to_num(np.nanstd(values, axis=0))
        spread = np.where(half > 0, half, np.where(deviation > 0, deviation, 1.0))
        return cls(tuple(features), tuple(logged), tuple(centre.tolist()), tuple(spread.tolist()))

    def transform(self, frame: pl.DataFrame) -> Array:
        """Rows by features, bounded at three spreads; unknown values lie at the centre."""
        scaled = (_raw(frame, self.features, self.logged) - self.centre) / self.spread
        return np.clip(np.nan_to_num(scaled, nan=0.0), -BOUND, BOUND)


@dataclass(frozen=True)
class Clustering:
    """Groups with what tells how far they can be trusted.

    Attributes:
        centroids: shape (k, features), in standardised units; the largest group first.
        silhouette: mean over customers, -1 to 1.
        stability: mean Jaccard similarity of each group with its match in resamples, shape (k,).
        resampled: centroids of each resample, in the order of their matches, (B, k, features).
        candidates: number of groups → mean silhouette and least stability, for all that were tried.
    """

    centroids: Array
    silhouette: float
    stability: Array
    resampled: Array
    candidates: Mapping[int, tuple[float, float]]

    @classmethod
    def fit(cls, points: Array, *, sizes: Sequence[int], replicates: int, seed: int) -> Self:
        """Choose the number of groups and find them.

        Args:
            points: standardised customers, shape (n, features), in an order that doesn't matter
                for the groups but does for the last bits: sort them.
            sizes: numbers of groups to try.
            replicates: resamples that judge the stability.
            seed: of starts and resamples.

        Raises:
            ValueError: fewer points than twice the largest number of groups.
        """
        if len(points) < 2 * max(sizes):
            raise ValueError(f"{len(points)} customers are too few for {max(sizes)} groups.")
        fits = {size: _judged(points, size, replicates, seed) for size in sorted(sizes)}
        candidates = {size: (float(fit[1]), float(fit[2].min())) for size, fit in fits.items()}
        trusted = [size for size in candidates if candidates[size][1] >= TRUSTED]
        best = max(
            trusted or list(candidates),
            key=lambda size: candidates[size][0 if trusted else 1],
        )
        centroids, silhouette, stability, resampled = fits[best]
        return cls(centroids, float(silhouette), stability, resampled, candidates)

    def assign(self, points: Array) -> Ints:
        """The group with the nearest centroid of each customer, shape (n,)."""
        return _nearest(points, self.centroids)

    def agreement(self, points: Array) -> Array:
        """Share of resamples in which each customer is put into the same group, shape (n,)."""
        here = self.assign(points)
        if not len(self.resampled):
            return np.ones(len(points))
        return np.mean([_nearest(points, other) == here for other in self.resampled], axis=0)

    def reordered(self, order: Sequence[int]) -> Clustering:
        """The same groups, numbered anew: `order[i]` is the old number of the new group i."""
        chosen = list(order)
        return Clustering(
            self.centroids[chosen],
            self.silhouette,
            self.stability[chosen],
            self.resampled[:, chosen],
            self.candidates,
        )


def matched(labels: Ints, others: Ints, count: int, other_count: int) -> dict[int, int]:
    """Which other group each group corresponds to, so that the most customers stay.

    Args:
        labels: group of each customer, 0 to count - 1, shape (n,).
        others: group of the same customers in the other clustering.
        count, other_count: numbers of groups.

    Returns:
        Group → other group, for as many as there are in both.
    """
    together = np.zeros((count, other_count), dtype=np.int64)
    np.add.at(together, (labels, others), 1)
    assign = cast("Callable[[Ints], tuple[Ints, Ints]]", linear_sum_assignment)
    rows, columns = assign(-together)
    return {int(row): int(column) for row, column in zip(rows, columns, strict=True)}


def jaccard(labels: Ints, group: int, others: Ints, other: int) -> float:
    """Customers in both groups by customers in either; 0 where both are empty."""
    here, there = labels == group, others == other
    either = int((here | there).sum())
    return int((here & there).sum()) / either if either else 0.0


def mean_silhouette(points: Array, labels: Ints, seed: int) -> float:
    """Over at most 2,000 customers drawn at random; 0 where there is only one group."""
    rows = np.arange(len(points))
    if len(points) > SILHOUETTE_ROWS:
        rows = np.random.default_rng(seed).choice(len(points), SILHOUETTE_ROWS, replace=False)
    if len(np.unique(labels[rows])) < 2:
        return 0.0
    each: Any = silhouette_samples(points[rows], labels[rows])
    return float(np.mean(each))


def _judged(
    points: Array, size: int, replicates: int, seed: int
) -> tuple[Array, float, Array, Array]:
    """Centroids, silhouette, stability by group and matched centroids of resamples."""
    centroids = _k_means(points, size, STARTS, seed)
    labels = _nearest(points, centroids)
    order = np.argsort(-np.bincount(labels, minlength=size), kind="stable")
    centroids, labels = centroids[order], np.argsort(order)[labels]
    generator = np.random.default_rng(seed)
    similarity = np.zeros((replicates, size))
    resampled = np.zeros((replicates, size, points.shape[1]))
    for replicate in range(replicates):
        rows = np.sort(generator.integers(0, len(points), len(points)))
        other = _k_means(points[rows], size, 1, seed + replicate + 1)
        others = _nearest(points, other)
        pairs = matched(labels, others, size, size)
        resampled[replicate] = other[[pairs[group] for group in range(size)]]
        drawn = np.unique(rows)
        similarity[replicate] = [
            jaccard(labels[drawn], group, others[drawn], pairs[group]) for group in range(size)
        ]
    stability = similarity.mean(axis=0) if replicates else np.ones(size)
    return centroids, mean_silhouette(points, labels, seed), stability, resampled


def _k_means(points: Array, size: int, starts: int, seed: int) -> Array:
    with threadpool_limits(1):  # the number of threads may change the last bits of a sum
        model: Any = KMeans
        fitted = model(size, n_init=starts, max_iter=100, random_state=seed).fit(points)
    return np.asarray(fitted.cluster_centers_, dtype=np.float64)


def _nearest(points: Array, centroids: Array) -> Ints:
    distances = ((points[:, None, :] - centroids[None, :, :]) ** 2).sum(axis=2)
    return np.argmin(distances, axis=1).astype(np.int64)


def _raw(frame: pl.DataFrame, features: Sequence[str], logged: Sequence[str]) -> Array:
    columns = [frame[name].cast(pl.Float64).fill_null(float("nan")).to_numpy() for name in features]
    return np.stack(
        [
            np.log1p(np.maximum(column, 0.0)) if name in logged else column
            for name, column in zip(features, columns, strict=True)
        ],
        axis=1,
    )
