"""A synthetic company together with the model of its last day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb
import polars as pl
from synthetic_core import AS_OF, Company

from ml_assets.opportunities import OpportunityProcedure
from ml_assets.registry import Evaluated, empty_registry, learn
from ml_assets.registry.lifecycle import verdict

SEED = 7


@dataclass(frozen=True)
class TrainingResult:
    """A judged version, and the registry that holds it."""

    evaluated: Evaluated
    registry: pl.DataFrame

    @property
    def registry_row(self) -> pl.DataFrame:
        """The version's row."""
        return self.registry.filter(pl.col("model_version") == self.evaluated.version)

    @property
    def verdict(self) -> str:
        """What people are told."""
        return verdict(self.evaluated, self.registry)


def train_opportunity_model(
    con: duckdb.DuckDBPyConnection,
    as_of: date,
    models_dir: Path,
    registry: pl.DataFrame | None = None,
) -> TrainingResult:
    """The opportunity score's version of a day."""
    known = empty_registry() if registry is None else registry
    return TrainingResult(*learn(con, as_of, models_dir, SEED, OpportunityProcedure(), known))


@dataclass(frozen=True)
class Trained:
    """The company, a connection that holds its tables, and what came of the training."""

    company: Company
    con: duckdb.DuckDBPyConnection
    models_dir: Path
    result: TrainingResult


def train(company: Company, models_dir: Path) -> Trained:
    """Train with all that the company knows on its last day."""
    con = company.connect()
    return Trained(company, con, models_dir, train_opportunity_model(con, AS_OF, models_dir))
