"""A synthetic company together with the model of its last day."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import duckdb
from synthetic_core import AS_OF, Company

from ml_assets.opportunities import TrainingResult, train_opportunity_model

SEED = 7


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
    return Trained(company, con, models_dir, train_opportunity_model(con, AS_OF, models_dir, SEED))
