"""How far today's rows lie from those that a model was trained on, feature by feature.

The population stability index of two samples is never 0, even if nothing has changed: its
expectation is about (bins - 1) · (1 / n + 1 / N), and psi / (1 / n + 1 / N) is about chi-squared
with bins - 1 degrees of freedom. Few rows therefore drift by chance alone; the index is judged by
what lies above that floor, and only where chance would not reach it.

Source: Lewis (1994), An Introduction to Credit Scoring, for the index and its limits of 0.1 and
0.25; Yurdakul & Naranjo (2020), Statistical properties of the population stability index, Journal
of Risk Model Validation 14, for its distribution.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import polars as pl
from scipy import special  # pyright: ignore[reportMissingTypeStubs]

from ml_assets.evaluation.metrics import Array

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


def population_stability(reference: pl.Series, current: pl.Series, bins: int = BINS) -> Stability:
    """Compare a feature of today's rows with that of the training.

    Numbers are cut at the quantiles of the training, so that its bins hold equally many; words and
    flags are bins of their own, those below a hundredth of the training and those it never had
    together. What is missing is a bin of its own.

    Args:
        reference: values of the training.
        current: values of today.
        bins: most bins of a number, the missing aside.
    """
    if reference.dtype.is_numeric():
        names, before, after = _numbers(reference, current, bins)
    else:
        names, before, after = _words(reference.cast(pl.String), current.cast(pl.String))
    used = (before + after) > 0
    before, after = before[used], after[used]
    names = [name for name, one in zip(names, used, strict=True) if one]
    count = len(names)
    n, m = float(before.sum()), float(after.sum())
    p = (before + SMOOTHING) / (n + SMOOTHING * count)
    q = (after + SMOOTHING) / (m + SMOOTHING * count)
    scale = (1 / n if n else np.inf) + (1 / m if m else np.inf)
    moved = int(np.argmax((q - p) * np.log(q / p))) if count else 0
    freedom = max(count - 1, 0)
    return Stability(
        psi=float(((q - p) * np.log(q / p)).sum()),
        noise_floor=float(freedom * scale) if freedom else 0.0,
        noise_limit=float(special.chdtri(freedom, CHANCE) * scale) if freedom else 0.0,
        bin_count=count,
        reference_count=int(n),
        current_count=int(m),
        reference_missing_share=_missing(reference),
        current_missing_share=_missing(current),
        moved_bin=names[moved] if count else "",
        reference_share=float(p[moved]) if count else 0.0,
        current_share=float(q[moved]) if count else 0.0,
    )


def _missing(values: pl.Series) -> float:
    absent = values.is_null()
    if values.dtype.is_float():
        absent = absent | values.is_nan().fill_null(False)
    return float(absent.cast(pl.Float64).mean() or 0.0)  # type: ignore[arg-type]


def _numbers(reference: pl.Series, current: pl.Series, bins: int) -> tuple[list[str], Array, Array]:
    old = reference.cast(pl.Float64).fill_null(float("nan")).to_numpy()
    new = current.cast(pl.Float64).fill_null(float("nan")).to_numpy()
    known = old[~np.isnan(old)]
    cuts = (
        np.unique(np.quantile(known, np.linspace(0, 1, bins + 1)[1:-1], method="lower"))
        if len(known)
        else np.empty(0)
    )
    edges = ["lowest", *(f"{cut:.4g}" for cut in cuts), "highest"]
    names = [
        *(f"{low} to {high}" for low, high in pairwise(edges)),
        MISSING,
    ]
    return names, _counts(old, cuts), _counts(new, cuts)


def _counts(values: Array, cuts: Array) -> Array:
    known = values[~np.isnan(values)]
    inside = np.bincount(np.searchsorted(cuts, known, side="left"), minlength=len(cuts) + 1)
    return np.append(inside, len(values) - len(known)).astype(np.float64)


def _words(reference: pl.Series, current: pl.Series) -> tuple[list[str], Array, Array]:
    old = reference.fill_null(MISSING).value_counts(sort=False, name="n")
    name = reference.name
    common = sorted(
        str(word)
        for word, count in old.iter_rows()
        if word == MISSING or count >= RARE_SHARE * len(reference)
    )
    names = [*common, *([] if OTHER in common else [OTHER])]
    place = {word: at for at, word in enumerate(names)}

    def counts(values: pl.Series) -> Array:
        found = np.zeros(len(names))
        for word, count in values.fill_null(MISSING).value_counts(name="n").iter_rows():
            found[place.get(str(word), place[OTHER])] += count
        return found

    return names, counts(reference.alias(name)), counts(current)
