"""The shape of ml_model_registry and ml_backtest, and the rule for who is champion.

The champion of a day is the latest promoted model that had been trained by that day. So a rebuilt
evening is scored by the model of that evening, even if newer ones are known by now.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date

import polars as pl

from ml_assets.evaluation import ScoreReport

PROMOTED = "promoted"
REFUSED = "refused"
ROLLED_BACK = "rolled_back"
NOT_TRAINED = "not_trained"

REGISTRY_SCHEMA: Mapping[str, pl.DataType | type[pl.DataType]] = {
    "model_version": pl.String,
    "model_name": pl.String,
    "trained_as_of": pl.Date,
    "data_fingerprint": pl.String,
    "code_version": pl.String,
    "seed": pl.Int64,
    "parameters": pl.String,
    "metrics": pl.String,
    "feature_schema": pl.String,
    "is_champion": pl.Boolean,
    "promotion_decision": pl.String,
    "promotion_reason": pl.String,
}

BACKTEST_SCHEMA: Mapping[str, pl.DataType | type[pl.DataType]] = {
    "model_name": pl.String,
    "model_version": pl.String,
    "origin_date": pl.Date,
    "horizon_days": pl.Int64,
    "metric": pl.String,
    "baseline": pl.String,
    "value": pl.Float64,
    "baseline_value": pl.Float64,
    "row_count": pl.Int64,
}


def empty_registry() -> pl.DataFrame:
    """A registry without models: what a first run starts from."""
    return pl.DataFrame(schema=REGISTRY_SCHEMA)


def empty_backtest() -> pl.DataFrame:
    """A backtest table without rows."""
    return pl.DataFrame(schema=BACKTEST_SCHEMA)


def report_rows(report: ScoreReport, origin: date, horizon_days: int) -> list[dict[str, object]]:
    """Each metric of a report beside each of its baselines: rows of ml_backtest without a model."""
    return [
        {
            "origin_date": origin,
            "horizon_days": horizon_days,
            "metric": metric,
            "baseline": baseline,
            "value": estimate.value,
            "baseline_value": values[metric],
            "row_count": report.row_count,
        }
        for metric, estimate in report.metrics.items()
        for baseline, values in report.baseline_metrics.items()
    ]


def champion_as_of(
    registry: pl.DataFrame, model_name: str, as_of: date, feature_schema: str
) -> str | None:
    """Version of the model that speaks on a day, or None.

    Args:
        registry: rows of ml_model_registry.
        model_name: whose champion.
        as_of: the day; models trained later don't count.
        feature_schema: today's; a model that was made for other features can't be used and is
            passed over.
    """
    candidates = registry.filter(
        (pl.col("model_name") == model_name)
        & (pl.col("trained_as_of") <= as_of)
        & (pl.col("promotion_decision") == PROMOTED)
        & (pl.col("feature_schema") == feature_schema)
    ).sort("trained_as_of", "is_champion", "model_version")
    return candidates["model_version"][-1] if candidates.height else None


def last_verdict(registry: pl.DataFrame, model_name: str, as_of: date) -> str:
    """Why no champion speaks on a day: what the latest training came to.

    Returns:
        The code of its decision, `rolled_back`, or `not_trained` when there was no training.
    """
    trained = registry.filter(
        (pl.col("model_name") == model_name) & (pl.col("trained_as_of") <= as_of)
    ).sort("trained_as_of", "model_version")
    if trained.is_empty():
        return NOT_TRAINED
    if trained["promotion_decision"][-1] == ROLLED_BACK:
        return ROLLED_BACK
    return str(json.loads(trained["metrics"][-1])["verdict"])


def with_registered(registry: pl.DataFrame, row: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """The registry with a row added and the champion flags of its model set anew.

    A version that was rolled back stays so, however often it is registered.

    Args:
        registry: rows of ml_model_registry so far.
        row: one row; if it is promoted it becomes champion of its training day.
        as_of: the day whose champion gets the flag.

    Returns:
        All rows, sorted by model, training day and version.
    """
    version: str = row["model_version"][0]
    name: str = row["model_name"][0]
    trained: date = row["trained_as_of"][0]
    rows = registry.select(REGISTRY_SCHEMA.keys())
    is_version = pl.col("model_version") == version
    withdrawn = rows.filter(is_version & (pl.col("promotion_decision") == ROLLED_BACK))
    row = withdrawn if withdrawn.height else row
    others = rows.filter(~is_version)
    of_same_day = (pl.col("model_name") == name) & (pl.col("trained_as_of") == trained)
    merged = pl.concat(
        [
            others.with_columns(
                is_champion=pl.when(of_same_day).then(False).otherwise(pl.col("is_champion"))
            ),
            row.with_columns(is_champion=pl.col("promotion_decision") == PROMOTED),
        ]
    )
    champion = champion_as_of(merged, name, as_of, row["feature_schema"][0])
    return merged.with_columns(
        is_champion=pl.when(pl.col("model_name") == name)
        .then((pl.col("model_version") == champion) if champion else pl.lit(False))
        .otherwise(pl.col("is_champion"))
    ).sort("model_name", "trained_as_of", "model_version")
