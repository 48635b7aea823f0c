from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest
from synthetic_core import AS_OF, Company, simulate

from ml_assets.opportunities import TrainingResult, train_opportunity_model

SEED = 7


@dataclass(frozen=True)
class Trained:
    company: Company
    con: duckdb.DuckDBPyConnection
    models_dir: Path
    result: TrainingResult


def train(company: Company, models_dir: Path) -> Trained:
    con = company.connect()
    return Trained(company, con, models_dir, train_opportunity_model(con, AS_OF, models_dir, SEED))


@pytest.fixture(scope="session")
def with_signal(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """A company whose hidden quality shows in its activities, and the model of its last day."""
    return train(simulate(seed=1), tmp_path_factory.mktemp("signal"))


@pytest.fixture(scope="session")
def without_signal(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """The same company, but deals are won by the toss of a coin."""
    return train(simulate(seed=1, has_signal=False), tmp_path_factory.mktemp("noise"))
