"""How far today's rows lie from those that a model was trained on, feature by feature.

The population stability index of two samples is never 0, even if nothing has changed: its
expectation is about (bins - 1) · (1 / n + 1 / N), and psi / (1 / n + 1 / N) is about chi-squared
with bins - 1 degrees of freedom. Few rows therefore drift by chance alone; the index is judged by
what lies above that floor, and only where chance would not reach it.

The rows of one evening also have things in common that those of another don't: its weekday, its
place in the quarter. Where the evenings of the training rows are known, what a single evening
usually lies from all of them is a part of the floor: the variance of a bin's share between
evenings, by the moments of a one-way layout, over the share (Searle, Casella & McCulloch, 1992,
Variance Components, section 3.6).

Source: Lewis (1994), An Introduction to Credit Scoring, for the index and its limits of 0.1 and
0.25; Yurdakul & Naranjo (2020), Statistical properties of the population stability index, Journal
of Risk Model Validation 14, for its distribution.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy import special  # pyright: ignore[reportMissingTypeStubs]

from ml_assets.evaluation.metrics import Array

Bins = npt.NDArray[np.int64]

BINS = 10
RARE_SHARE = 0.01
MODERATE, SEVERE = 0.1, 0.25
CHANCE = 0.01
FEWEST_ROWS = 50
SMOOTHING = 0.5
OTHER = "other"
MISSING = "missing"

STABLE, TOO_FEW = "stable", "too few"


@dataclass(frozen=True)
class Stability:
    """Population stability of one feature.

    Attributes:
        psi: the index.
        noise_floor: what it would be on average without any drift.
        noise_limit: what it would exceed in one of a hundred cases without any drift.
        bin_count: bins in use.
        reference_count: rows that the model was trained on.
        current_count: rows of today.
        reference_missing_share: share of the first that have no value.
        current_missing_share: share of the second.
        moved_bin: the bin whose share changed most, in words.
        reference_share: share of the training rows in it.
        current_share: share of today's rows in it.
    """

    psi: float
    noise_floor: float
    noise_limit: float
    bin_count: int
    reference_count: int
    current_count: int
    reference_missing_share: float
    current_missing_share: float
    moved_bin: str
    reference_share: float
    current_share: float

    @property
    def excess(self) -> float:
        """The index above what chance gives on average."""
        return self.psi - self.noise_floor

    @property
    def verdict(self) -> str:
        """stable, moderate, severe, or too few."""
        if min(self.reference_count, self.current_count) < FEWEST_ROWS:
            return TOO_FEW
        if self.psi <= self.noise_limit or self.excess <= MODERATE:
            return STABLE
        return "severe" if self.excess > SEVERE else "moderate"


def population_stability(
    reference: pl.Series,
    current: pl.Series,
    bins: int = BINS,
    *,
    evenings: pl.Series | None = None,
) -> Stability:
    """Compare a feature of an evening's rows with that of the training.

    Numbers are cut at the quantiles of the training, so that its bins hold equally many; words and
    flags are bins of their own, those below a hundredth of the training and those it never had
    together. What is missing is a bin of its own.

    Args:
        reference: values of the training.
        current: values of today.
        bins: most bins of a number, the missing aside.
        evenings: the evening of each value of the training, where known.
    """
    if reference.dtype.is_numeric():
        names, old, new = _numbers(reference, current, bins)
    else:
        names, old, new = _words(reference.cast(pl.String), current.cast(pl.String))
    before, after = (
        np.bincount(one, minlength=len(names)).astype(np.float64) for one in (old, new)
    )
    used = (before + after) > 0
    n, m = float(before.sum()), float(after.sum())
    count = int(used.sum())
    p = np.where(used, (before + SMOOTHING) / (n + SMOOTHING * count), 1.0)
    q = np.where(used, (after + SMOOTHING) / (m + SMOOTHING * count), 1.0)
    parts = (q - p) * np.log(q / p)
    freedom = max(count - 1, 0)
    floor = limit = 0.0
    if freedom:
        floor = freedom * ((1 / n if n else np.inf) + (1 / m if m else np.inf))
        if evenings is not None:
            floor += _between_evenings(old, evenings, p[used], np.flatnonzero(used))
        limit = floor * float(special.chdtri(freedom, CHANCE)) / freedom
    moved = int(np.argmax(parts)) if count else 0
    return Stability(
        psi=float(parts.sum()),
        noise_floor=float(floor),
        noise_limit=float(limit),
        bin_count=count,
        reference_count=int(n),
        current_count=int(m),
        reference_missing_share=_missing(reference),
        current_missing_share=_missing(current),
        moved_bin=names[moved] if count else "",
        reference_share=float(p[moved]) if count else 0.0,
        current_share=float(q[moved]) if count else 0.0,
    )


def _between_evenings(bins: Bins, evenings: pl.Series, share: Array, used: Bins) -> float:
    """What single evenings add to the index on average: variance between them over the share."""
    table = pl.DataFrame({"evening": evenings, "bin": bins})
    sizes = table.group_by("evening").len("size")
    evening_count, total = sizes.height, float(table.height)
    spare = total - float((sizes["size"].cast(pl.Float64) ** 2).sum()) / max(total, 1.0)
    if evening_count < 2 or spare <= 0:
        return 0.0
    counts = table.group_by("evening", "bin").len("hits").join(sizes, on="evening")
    added = 0.0
    for number, p in zip(used, share, strict=True):
        own = counts.filter(pl.col("bin") == number)
        hits, size = own["hits"].to_numpy().astype(float), own["size"].to_numpy().astype(float)
        # evenings without a hit lie p away as well
        squares = (size * (hits / size - p) ** 2).sum() + (total - size.sum()) * p**2
        variance = (squares - (evening_count - 1) * p * (1 - p)) / spare
        added += float(variance) / float(p)
    return max(added, 0.0)


def _missing(values: pl.Series) -> float:
    absent = values.is_null()
    if values.dtype.is_float():
        absent = absent | values.is_nan().fill_null(False)
    return float(absent.cast(pl.Float64).mean() or 0.0)  # type: ignore[arg-type]


def _numbers(reference: pl.Series, current: pl.Series, bins: int) -> tuple[list[str], Bins, Bins]:
    old = reference.cast(pl.Float64).fill_null(float("nan")).to_numpy()
    new = current.cast(pl.Float64).fill_null(float("nan")).to_numpy()
    known = old[~np.isnan(old)]
    cuts = (
        np.unique(np.quantile(known, np.linspace(0, 1, bins + 1)[1:-1], method="lower"))
        if len(known)
        else np.empty(0)
    )
    edges = ["lowest", *(f"{cut:.4g}" for cut in cuts), "highest"]
    names = [*(f"{low} to {high}" for low, high in pairwise(edges)), MISSING]

    def placed(values: Array) -> Bins:
        return np.where(np.isnan(values), len(cuts) + 1, np.searchsorted(cuts, values, side="left"))

    return names, placed(old), placed(new)


def _words(reference: pl.Series, current: pl.Series) -> tuple[list[str], Bins, Bins]:
    old, new = reference.fill_null(MISSING), current.fill_null(MISSING)
    common = sorted(
        str(word)
        for word, count in old.value_counts(name="n").iter_rows()
        if word == MISSING or count >= RARE_SHARE * len(reference)
    )
    names = [*common, *([] if OTHER in common else [OTHER])]
    place = {word: at for at, word in enumerate(names)}

    def placed(values: pl.Series) -> Bins:
        return np.array([place.get(str(word), place[OTHER]) for word in values], dtype=np.int64)

    return names, placed(old), placed(new)
