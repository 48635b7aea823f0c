"""Whether the bands of a score mean what they promise, and how straight outcome rates follow it.

A promise is of the kind "above 70, more than 30 % convert". The R² is that of a line through the
outcome rates of score bins, each bin counting with its rows: on the 0/1 outcomes themselves no
honest score comes near the values that are asked for, so the bins are part of the figure and are
shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ml_assets.evaluation.bootstrap import Estimate, grouped_bootstrap
from ml_assets.evaluation.metrics import Array, averaged

BIN_SCHEMA = {
    "score_from": pl.Float64,
    "score_to": pl.Float64,
    "row_count": pl.Int64,
    "mean_score": pl.Float64,
    "outcome_rate": pl.Float64,
}


@dataclass(frozen=True)
class BandPromise:
    """What a band of scores stands for. The bounds themselves do not belong to the band.

    Attributes:
        name: of the band.
        above, below: the band's scores lie above or below these; None is no bound.
        rate_above, rate_below: the outcome rate in the band must lie above or below these.
    """

    name: str
    above: float | None = None
    below: float | None = None
    rate_above: float | None = None
    rate_below: float | None = None

    def holds(self, score: Array) -> NDArray[np.bool_]:
        """Which scores lie in the band, shape (n,)."""
        inside = np.ones(len(score), dtype=np.bool_)
        if self.above is not None:
            inside &= score > self.above
        if self.below is not None:
            inside &= score < self.below
        return inside

    def is_kept_by(self, rate: float) -> bool:
        """Whether an outcome rate keeps the promise; an empty band (NaN) promises nothing."""
        if np.isnan(rate):
            return True
        return (self.rate_above is None or rate > self.rate_above) and (
            self.rate_below is None or rate < self.rate_below
        )

    def says(self) -> str:
        """The promise in words."""
        scores = " and ".join(
            f"{word} {bound:g}"
            for word, bound in (("above", self.above), ("below", self.below))
            if bound is not None
        )
        rates = " and ".join(
            f"{word} {rate:.0%}"
            for word, rate in (("more than", self.rate_above), ("less than", self.rate_below))
            if rate is not None
        )
        return f"{scores}: {rates}"


@dataclass(frozen=True)
class BandRate:
    """What became of a band on rows that the model had not seen.

    Attributes:
        promise: what the band stands for.
        row_count: rows in it.
        rate: their outcome rate with a 95 % interval; NaN without rows.
    """

    promise: BandPromise
    row_count: int
    rate: Estimate

    @property
    def is_kept(self) -> bool:
        """Whether the rate keeps the promise."""
        return self.promise.is_kept_by(self.rate.value)


@dataclass(frozen=True)
class BandReport:
    """Bands and bins of a score on rows that the model had not seen.

    Attributes:
        bands: what became of each band. bins: score_from, score_to, row_count, mean_score,
        outcome_rate of each bin with enough rows. r_squared: of the line through the bins; NaN with
        fewer than three of them.
    """

    bands: tuple[BandRate, ...]
    bins: pl.DataFrame
    r_squared: float

    def as_dict(self) -> dict[str, object]:
        """Everything as plain values for JSON."""
        return {
            "bands": [
                {
                    **asdict(band.promise),
                    "row_count": band.row_count,
                    "rate": band.rate.as_dict(),
                    "is_kept": band.is_kept,
                }
                for band in self.bands
            ],
            "bins": self.bins.with_columns(pl.selectors.float().round(6)).to_dicts(),
            "r_squared": None if np.isnan(self.r_squared) else round(self.r_squared, 6),
        }


def band_report(
    outcome: Array,
    score: Array,
    promises: Sequence[BandPromise],
    *,
    groups: Sequence[str],
    seed: int,
    bin_width: float = 10.0,
    min_bin_rows: int = 20,
    weight: Array | None = None,
) -> BandReport:
    """Hold the bands of a score from 0 to 100 against outcomes.

    Args:
        outcome: 0 or 1, shape (n,).
        score: 0 to 100, shape (n,).
        promises: what the bands stand for.
        groups: n names; intervals come from resampling whole groups.
        seed: of the resampling.
        bin_width: of the bins of the R², from 0 on.
        min_bin_rows: bins with fewer rows are left out of the R².
        weight: of each row, shape (n,); one each if not given.
    """
    weights = np.ones(len(outcome)) if weight is None else weight
    bands: list[BandRate] = []
    for promise in promises:
        inside = promise.holds(score)
        members = [name for name, here in zip(groups, inside, strict=True) if here]
        rate = (
            grouped_bootstrap(averaged(outcome[inside]), members, weight=weights[inside], seed=seed)
            if inside.any()
            else Estimate(float("nan"), float("nan"), float("nan"))
        )
        bands.append(BandRate(promise, int(inside.sum()), rate))
    bins = score_bins(outcome, score, bin_width, min_bin_rows, weights)
    return BandReport(
        tuple(bands),
        bins,
        line_r_squared(
            bins["mean_score"].to_numpy(),
            bins["outcome_rate"].to_numpy(),
            bins["row_count"].cast(pl.Float64).to_numpy(),
        ),
    )


def score_bins(
    outcome: Array, score: Array, width: float, min_rows: int, weight: Array
) -> pl.DataFrame:
    """Rows, mean score and outcome rate of the score bins that have enough rows, ascending."""
    last = int(np.ceil(100.0 / width)) - 1
    bin_of = np.clip(np.floor(score / width).astype(np.int64), 0, last)
    rows: list[dict[str, float | int]] = []
    for number in range(last + 1):
        members = bin_of == number
        count = int(members.sum())
        if count >= max(min_rows, 1) and weight[members].sum() > 0:
            rows.append(
                {
                    "score_from": number * width,
                    "score_to": min((number + 1) * width, 100.0),
                    "row_count": count,
                    "mean_score": float(np.average(score[members], weights=weight[members])),
                    "outcome_rate": float(np.average(outcome[members], weights=weight[members])),
                }
            )
    return pl.DataFrame(rows, schema=BIN_SCHEMA)


def line_r_squared(x: Array, y: Array, weight: Array) -> float:
    """R² of the weighted least-squares line of y on x; NaN with fewer than three points, or where y
    does not vary."""
    if len(x) < 3:
        return float("nan")
    mass = weight.sum()
    dx, dy = x - (weight * x).sum() / mass, y - (weight * y).sum() / mass
    total, spread = (weight * dy**2).sum(), (weight * dx**2).sum()
    if total <= 0 or spread <= 0:
        return float("nan")
    return float((weight * dx * dy).sum() ** 2 / (spread * total))
