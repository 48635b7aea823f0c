"""Trains the opportunity score where that is due, and registers what came of it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import lightgbm
import polars as pl
from duckdb import DuckDBPyConnection

from ml_assets.features import training_snapshots
from ml_assets.hashing import code_version, frame_fingerprint
from ml_assets.opportunities.backtest import judge
from ml_assets.opportunities.samples import labelled_features
from ml_assets.opportunities.settings import (
    MODEL_NAME,
    OpportunityModelSettings,
    feature_schema,
)
from ml_assets.registry import (
    REGISTRY_SCHEMA,
    StoredModel,
    empty_registry,
    load_model,
    model_version,
    store_model,
    training_clock,
    with_registered,
)
from ml_assets.registry.tables import PROMOTED, REFUSED


@dataclass(frozen=True)
class TrainingResult:
    """What came of a training.

    Attributes:
        model_version: of the challenger.
        registry_row: the challenger's row of ml_model_registry.
        registry: all rows, the challenger's among them, champion flags set as of the day.
        backtest_rows: the challenger's rows of ml_backtest (none without enough history).
        verdict: one sentence for people.
        is_promoted: whether the challenger passed.
        is_new: whether it was trained now; false when this very training had been done before.
        metrics: the content of the row's `metrics`, as plain values.
    """

    model_version: str
    registry_row: pl.DataFrame
    registry: pl.DataFrame
    backtest_rows: pl.DataFrame
    verdict: str
    is_promoted: bool
    is_new: bool
    metrics: Mapping[str, object]


def train_opportunity_model(
    con: DuckDBPyConnection,
    as_of: date,
    models_dir: Path,
    seed: int,
    registry: pl.DataFrame | None = None,
    settings: OpportunityModelSettings | None = None,
) -> TrainingResult:
    """Train, judge and register the model that is due on a day.

    The training clock is the last training day on or before `as_of`; between two training days
    nothing new is trained. The same data, code, seed and settings give the same version, which is
    then read from `models_dir` instead of being trained again.

    Args:
        con: connection on the warehouse (schema core, built as of `as_of`).
        as_of: the day that the run is for.
        models_dir: folder of trained models.
        seed: of every random choice.
        registry: rows of ml_model_registry so far; None or empty on a first run.
        settings: parameters.
    """
    chosen = settings or OpportunityModelSettings()
    chosen = replace(chosen, scorer=replace(chosen.scorer, seed=seed))
    clock = training_clock(as_of, chosen.retrain_every_days)
    snapshots = training_snapshots(con, clock, chosen.sampling)
    frame = labelled_features(con, snapshots)
    fingerprint = _fingerprint(frame, snapshots.sampled)
    parameters = chosen.as_dict() | {"lightgbm": lightgbm.__version__}
    version = model_version(
        MODEL_NAME,
        clock,
        data_fingerprint=fingerprint,
        code_version=code_version(),
        seed=seed,
        parameters=parameters,
    )
    stored = load_model(models_dir, MODEL_NAME, version)
    is_new = stored is None
    if stored is None:
        judged = judge(frame, snapshots, chosen, version)
        row = {
            "model_version": version,
            "model_name": MODEL_NAME,
            "trained_as_of": clock,
            "data_fingerprint": fingerprint,
            "code_version": code_version(),
            "seed": seed,
            "parameters": json.dumps(parameters, sort_keys=True),
            "metrics": json.dumps(judged.metrics, sort_keys=True),
            "feature_schema": feature_schema(),
            "is_champion": judged.decision.is_promoted,
            "promotion_decision": PROMOTED if judged.decision.is_promoted else REFUSED,
            "promotion_reason": judged.decision.reason,
        }
        stored = StoredModel(
            registry_row=pl.DataFrame([row], schema=REGISTRY_SCHEMA),
            backtest_rows=judged.backtest_rows,
            scorer=judged.scorer,
        )
        store_model(models_dir, stored)
    everything = with_registered(
        empty_registry() if registry is None else registry, stored.registry_row, as_of
    )
    row_now = everything.filter(pl.col("model_version") == version)
    return TrainingResult(
        model_version=version,
        registry_row=row_now,
        registry=everything,
        backtest_rows=stored.backtest_rows,
        verdict=_verdict(row_now, everything),
        is_promoted=row_now["promotion_decision"][0] == PROMOTED,
        is_new=is_new,
        metrics=json.loads(row_now["metrics"][0]),
    )


def _fingerprint(*frames: pl.DataFrame) -> str:
    """One fingerprint of all that a training reads."""
    each = "|".join(frame_fingerprint(frame) for frame in frames)
    return hashlib.sha256(each.encode()).hexdigest()


def _verdict(row: pl.DataFrame, registry: pl.DataFrame) -> str:
    reason: str = row["promotion_reason"][0]
    if row["promotion_decision"][0] == PROMOTED:
        return reason
    champions = registry.filter(pl.col("is_champion") & (pl.col("model_name") == MODEL_NAME))
    speaker = (
        f"The former champion {champions['model_version'][0]} goes on scoring."
        if champions.height
        else "Open deals get the base rate."
    )
    return f"{reason} {speaker}"
