"""The life of a model: sampled, trained, judged, registered, and then scoring.

Every trained model of the warehouse goes through these steps; what differs between models is its
`ModelProcedure`. A version is a folder, written in two moves that are each seen whole or not at
all: training leaves the model and its predictions on later rows that it had not seen (the held-out
frames), evaluation judges those and leaves the verdict beside them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Protocol

import polars as pl
from duckdb import DuckDBPyConnection

from ml_assets.evaluation.plots import Plot
from ml_assets.hashing import code_version, frame_fingerprint
from ml_assets.registry.promotion import Decision
from ml_assets.registry.store import (
    is_trained,
    read_candidate,
    read_evaluation,
    store_candidate,
    store_evaluation,
)
from ml_assets.registry.tables import PROMOTED, REFUSED, REGISTRY_SCHEMA, with_registered
from ml_assets.registry.versions import model_version, training_clock

Facts = Mapping[str, object]


class Artifact(Protocol):
    """A trained model that can write itself into a folder."""

    def save(self, folder: Path) -> None:
        """Write files into an existing folder."""
        ...


@dataclass(frozen=True)
class Sample:
    """Everything that a training reads.

    Attributes:
        frames: by name, each sorted; they make the data fingerprint.
        facts: how the sample was drawn, as plain values.
    """

    frames: Mapping[str, pl.DataFrame]
    facts: Facts = field(default_factory=dict[str, object])


@dataclass(frozen=True)
class Candidate:
    """What came of a training.

    Attributes:
        artifact: the model trained on all that is known; None without enough history.
        held_out: by name, predictions of the backtest on rows that it had not seen, with what they
            are judged against (outcomes, baselines, groups).
        facts: figures of sample and training, as plain values.
        reference: the features that the model was trained on, which later days are compared with.
    """

    artifact: Artifact | None
    held_out: Mapping[str, pl.DataFrame]
    facts: Facts
    reference: pl.DataFrame | None = None


@dataclass(frozen=True)
class HeldOut:
    """What a training left to be judged: see `Candidate`."""

    frames: Mapping[str, pl.DataFrame]
    facts: Facts


@dataclass(frozen=True)
class Judgement:
    """What an evaluation found.

    Attributes:
        decision: promoted or not, and why.
        metrics: figures for the registry, as plain values.
        backtest_rows: rows of ml_backtest without model_name and model_version.
        plots: for the card of the model.
    """

    decision: Decision
    metrics: Facts
    backtest_rows: pl.DataFrame
    plots: tuple[Plot, ...] = ()


@dataclass(frozen=True)
class Scored:
    """What a model said of an evening.

    Attributes:
        rows: of its table in schema ml.
        version: of the champion that spoke; None when a fallback did.
        features: what the champion read, columns as in the reference of its training.
    """

    rows: pl.DataFrame
    version: str | None = None
    features: pl.DataFrame | None = None


class ModelProcedure(Protocol):
    """How one model is made."""

    @property
    def name(self) -> str:
        """`model_name` in the tables, and the folder below the models folder."""
        ...

    @property
    def retrain_every_days(self) -> int:
        """Days between two trainings; with 7, models are trained on Sundays."""
        ...

    def parameters(self) -> Facts:
        """What the model is made with, as plain values; a part of the version's name."""
        ...

    def feature_schema(self) -> str:
        """What the model reads, as JSON text; a champion for another schema can't speak."""
        ...

    def sample(self, con: DuckDBPyConnection, clock: date) -> Sample:
        """Everything that a training reads, as known at the end of the clock's day."""
        ...

    def train(self, sample: Sample, clock: date, seed: int) -> Candidate:
        """Train the model, and predict what it had not seen."""
        ...

    def judge(self, held_out: HeldOut) -> Judgement:
        """Judge the predictions of a training."""
        ...


@dataclass(frozen=True)
class Evaluated:
    """A judged version.

    Attributes:
        registry_row: one row of ml_model_registry; its champion flag is set when it is registered.
        backtest_rows: its rows of ml_backtest.
        plots: for the card of the model.
    """

    registry_row: pl.DataFrame
    backtest_rows: pl.DataFrame
    plots: tuple[Plot, ...]

    @property
    def version(self) -> str:
        """The version."""
        return str(self.registry_row["model_version"][0])

    @property
    def is_promoted(self) -> bool:
        """Whether it passed."""
        return self.registry_row["promotion_decision"][0] == PROMOTED

    @property
    def reason(self) -> str:
        """The verdict, in a sentence."""
        return str(self.registry_row["promotion_reason"][0])

    @property
    def metrics(self) -> Facts:
        """What was measured, as plain values."""
        return json.loads(self.registry_row["metrics"][0])


def train_model(
    con: DuckDBPyConnection,
    as_of: date,
    models_dir: Path,
    seed: int,
    procedure: ModelProcedure,
    registry: pl.DataFrame,
) -> str:
    """Train the version that is due on a day, unless that very training has been done.

    The training clock is the last training day on or before `as_of`. What has been recorded after
    the clock doesn't enter a sample, so a version that the registry holds for the clock, from the
    same code, seed and parameters, is this one, and nothing is read.

    Args:
        con: connection on the warehouse (schema core, built as of `as_of`).
        as_of: the day that the run is for.
        models_dir: folder of trained models.
        seed: of every random choice.
        procedure: of the model.
        registry: rows of ml_model_registry so far.

    Returns:
        The version, whose folder now exists.
    """
    clock = training_clock(as_of, procedure.retrain_every_days)
    made_with: dict[str, object] = {
        "model_name": procedure.name,
        "trained_as_of": clock.isoformat(),
        "code_version": code_version(),
        "seed": seed,
        "parameters": procedure.parameters(),
        "feature_schema": procedure.feature_schema(),
    }
    known = _registered(registry, made_with)
    if known is not None and is_trained(models_dir, procedure.name, known):
        return known
    sample = procedure.sample(con, clock)
    fingerprint = _fingerprint(sample)
    version = model_version(
        procedure.name,
        clock,
        data_fingerprint=fingerprint,
        code_version=code_version(),
        seed=seed,
        parameters=procedure.parameters(),
    )
    if not is_trained(models_dir, procedure.name, version):
        candidate = procedure.train(sample, clock, seed)
        store_candidate(
            models_dir,
            procedure.name,
            version,
            facts=made_with | {"data_fingerprint": fingerprint, "facts": candidate.facts},
            held_out=candidate.held_out,
            reference=candidate.reference,
            save=None if candidate.artifact is None else candidate.artifact.save,
        )
    return version


def evaluate_model(models_dir: Path, procedure: ModelProcedure, version: str) -> Evaluated:
    """Judge a trained version, unless it has been judged.

    Raises:
        FileNotFoundError: the version's folder is gone.
    """
    stored = read_evaluation(models_dir, procedure.name, version)
    if stored is not None:
        return Evaluated(*stored)
    candidate = read_candidate(models_dir, procedure.name, version)
    if candidate is None:
        raise FileNotFoundError(
            f"Model {version} has not been trained below {models_dir}: train it before judging it."
        )
    made = candidate.facts
    judged = procedure.judge(HeldOut(candidate.held_out, made["facts"]))
    row = {
        "model_version": version,
        "model_name": procedure.name,
        "trained_as_of": date.fromisoformat(made["trained_as_of"]),
        "data_fingerprint": made["data_fingerprint"],
        "code_version": made["code_version"],
        "seed": made["seed"],
        "parameters": json.dumps(made["parameters"], sort_keys=True),
        "metrics": json.dumps({**judged.metrics, "verdict": judged.decision.code}, sort_keys=True),
        "feature_schema": made["feature_schema"],
        "is_champion": judged.decision.is_promoted,
        "promotion_decision": PROMOTED if judged.decision.is_promoted else REFUSED,
        "promotion_reason": judged.decision.reason,
    }
    named = judged.backtest_rows.with_columns(
        model_name=pl.lit(procedure.name), model_version=pl.lit(version)
    )
    store_evaluation(
        models_dir,
        procedure.name,
        version,
        registry_row=pl.DataFrame([row], schema=REGISTRY_SCHEMA),
        backtest_rows=named,
        plots=judged.plots,
    )
    return evaluate_model(models_dir, procedure, version)


def learn(
    con: DuckDBPyConnection,
    as_of: date,
    models_dir: Path,
    seed: int,
    procedure: ModelProcedure,
    registry: pl.DataFrame,
) -> tuple[Evaluated, pl.DataFrame]:
    """Train, judge and register the version that is due on a day, in one go.

    Returns:
        What was found, and the registry with the version in it.
    """
    version = train_model(con, as_of, models_dir, seed, procedure, registry)
    evaluated = evaluate_model(models_dir, procedure, version)
    return evaluated, with_registered(registry, evaluated.registry_row, as_of)


def verdict(evaluated: Evaluated, registry: pl.DataFrame) -> str:
    """The reason of the decision, and who speaks if it was a refusal, in words for people."""
    if evaluated.is_promoted:
        return evaluated.reason
    champions = registry.filter(
        pl.col("is_champion") & (pl.col("model_name") == evaluated.registry_row["model_name"][0])
    )
    speaker = (
        f"The former champion {champions['model_version'][0]} goes on."
        if champions.height
        else "No model speaks; the table holds what it falls back on."
    )
    return f"{evaluated.reason} {speaker}"


def _registered(registry: pl.DataFrame, made_with: Facts) -> str | None:
    """The version that the registry holds for these ingredients."""
    same = registry.filter(
        (pl.col("model_name") == made_with["model_name"])
        & (pl.col("trained_as_of") == date.fromisoformat(str(made_with["trained_as_of"])))
        & (pl.col("code_version") == made_with["code_version"])
        & (pl.col("seed") == made_with["seed"])
        & (pl.col("feature_schema") == made_with["feature_schema"])
        & (pl.col("parameters") == json.dumps(made_with["parameters"], sort_keys=True))
    ).sort("model_version")
    return same["model_version"][-1] if same.height else None


def _fingerprint(sample: Sample) -> str:
    """One fingerprint of all that a training reads."""
    each = "|".join(
        f"{name}:{frame_fingerprint(frame)}" for name, frame in sorted(sample.frames.items())
    )
    return hashlib.sha256(each.encode()).hexdigest()
