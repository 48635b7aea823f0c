"""Tables that show a model's quality: lift by decile and reliability."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ml_assets.evaluation.intervals import wilson_interval
from ml_assets.evaluation.metrics import CALIBRATION_BINS, Array, equal_mass_bins

DECILES = 10


def lift_by_decile(outcome: Array, probability: Array, weight: Array | None = None) -> pl.DataFrame:
    """Outcomes by tenth of the ranking, best tenth first.

    Rows that tie share the mean outcome of their tie, which is what breaking ties at random would
    give on average.

    Args:
        outcome: 0 or 1, shape (n,).
        probability: shape (n,).
        weight: of each row, shape (n,); one each if not given.

    Returns:
        Columns decile (1 = highest), row_count (rows, each decile a tenth of them), positive_rate
        (weighted), lift (rate ÷ overall rate, null without positives) and captured_share (weighted
        positives up to and including the decile ÷ all, null without positives).
    """
    row_counts, of = lift_statistics(outcome, probability)
    rate, lift, captured = of(np.ones(len(outcome)) if weight is None else weight)
    return pl.DataFrame(
        {
            "decile": np.arange(1, len(row_counts) + 1),
            "row_count": row_counts,
            "positive_rate": rate,
            "lift": lift,
            "captured_share": captured,
        }
    ).with_columns(pl.col("positive_rate", "lift", "captured_share").fill_nan(None))


def lift_statistics(
    outcome: Array, probability: Array
) -> tuple[NDArray[np.int64], Callable[[Array], tuple[Array, Array, Array]]]:
    """The rows of each tenth, and its figures as a function of the weights; the tenths are fixed.

    Args:
        outcome: 0 or 1, shape (n,).
        probability: shape (n,).

    Returns:
        Row counts, shape (d,) (fewer than ten tenths for fewer than ten rows), and a function of
        row weights, shape (n,), to positive rate, lift and captured share, each of shape (d,), NaN
        where undefined.
    """
    count = len(outcome)
    decile_of_rank = np.arange(count) * DECILES // max(count, 1)
    present, decile_of_rank = np.unique(decile_of_rank, return_inverse=True)
    distinct, position = np.unique(-probability, return_inverse=True)
    sizes = np.bincount(position, minlength=len(distinct))
    ends = np.cumsum(sizes)
    # A tie that spans tenths belongs to each by the share of its rows there; the others to one.
    shares = np.zeros((len(distinct), len(present)))
    value_of_rank = np.searchsorted(ends, np.arange(count), side="right")
    np.add.at(shares, (value_of_rank, decile_of_rank), 1.0)
    shares /= np.maximum(sizes, 1)[:, None]

    def of(weight: Array) -> tuple[Array, Array, Array]:
        positive = np.bincount(position, weight * outcome, minlength=len(distinct)) @ shares
        mass = np.bincount(position, weight, minlength=len(distinct)) @ shares
        with np.errstate(divide="ignore", invalid="ignore"):
            rate = positive / mass
            return rate, rate / (positive.sum() / mass.sum()), positive.cumsum() / positive.sum()

    return np.bincount(decile_of_rank, minlength=len(present)), of


def observed_rates(
    outcome: Array, probability: Array, bins: int = CALIBRATION_BINS
) -> Callable[[Array], Array]:
    """The observed rate of each row of `reliability_table` as a function of the weights."""
    present, bin_of = np.unique(equal_mass_bins(probability, bins), return_inverse=True)

    def of(weight: Array) -> Array:
        mass = np.bincount(bin_of, weight, minlength=len(present))
        positive = np.bincount(bin_of, weight * outcome, minlength=len(present))
        return np.divide(positive, mass, out=np.full(len(present), np.nan), where=mass > 0)

    return of


def reliability_table(
    outcome: Array,
    probability: Array,
    weight: Array | None = None,
    bins: int = CALIBRATION_BINS,
) -> pl.DataFrame:
    """Predicted against observed rate in equal-mass bins.

    Args:
        outcome: 0 or 1, shape (n,).
        probability: shape (n,).
        weight: of each row, shape (n,); one each if not given.
        bins: number of bins.

    Returns:
        One row per non-empty bin, ascending: bin, row_count, mean_probability and observed_rate
        (both weighted), observed_low and observed_high (95 % Wilson interval of the observed rate
        for so many rows, taken as independent).
    """
    weights = np.ones(len(outcome)) if weight is None else weight
    bin_of = equal_mass_bins(probability, bins)
    rows: list[dict[str, float | int]] = []
    for number, bin_id in enumerate(np.unique(bin_of), start=1):
        members = bin_of == bin_id
        count = int(members.sum())
        observed = float(np.average(outcome[members], weights=weights[members]))
        low, high = wilson_interval(observed * count, count)
        rows.append(
            {
                "bin": number,
                "row_count": count,
                "mean_probability": float(
                    np.average(probability[members], weights=weights[members])
                ),
                "observed_rate": observed,
                "observed_low": low,
                "observed_high": high,
            }
        )
    schema = {
        "bin": pl.Int64,
        "row_count": pl.Int64,
        "mean_probability": pl.Float64,
        "observed_rate": pl.Float64,
        "observed_low": pl.Float64,
        "observed_high": pl.Float64,
    }
    return pl.DataFrame(rows, schema=schema)
