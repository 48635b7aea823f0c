"""Tables that show a model's quality: lift by decile and reliability."""

from __future__ import annotations

import numpy as np
import polars as pl

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
    weights = np.ones(len(outcome)) if weight is None else weight
    total = float((weights * outcome).sum())
    mass = float(weights.sum())
    tied = pl.col("probability")
    ranked = (
        pl.DataFrame({"probability": probability, "positive": weights * outcome, "weight": weights})
        .with_columns(pl.col("positive", "weight").mean().over(tied))
        .sort("probability", descending=True)
        .with_row_index("rank")
        .with_columns(decile=(pl.col("rank") * DECILES // max(len(outcome), 1) + 1).cast(pl.Int64))
    )
    has_positives = pl.lit(total > 0)
    return (
        ranked.group_by("decile")
        .agg(
            row_count=pl.len().cast(pl.Int64),
            positive=pl.col("positive").sum(),
            weight=pl.col("weight").sum(),
        )
        .sort("decile")
        .select(
            "decile",
            "row_count",
            positive_rate=pl.col("positive") / pl.col("weight"),
            lift=pl.when(has_positives).then(
                pl.col("positive") / pl.col("weight") / (total / mass if mass else 1.0)
            ),
            captured_share=pl.when(has_positives).then(
                pl.col("positive").cum_sum() / (total or 1.0)
            ),
        )
    )


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
