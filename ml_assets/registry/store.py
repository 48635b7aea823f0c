"""Trained models on disk: `models/<model name>/<version>/`, text files only, written once.

A version's name follows from its content, so a folder that is there is never written again, and a
training that has been done once need not be repeated, even if the warehouse has been deleted since.
"""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from ml_assets.registry.tables import BACKTEST_SCHEMA, REGISTRY_SCHEMA
from ml_assets.scoring import BinaryScorer

REGISTRY_FILE = "registry.ndjson"
BACKTEST_FILE = "backtest.ndjson"


@dataclass(frozen=True)
class StoredModel:
    """What a model's folder holds.

    Attributes:
        registry_row: one row of ml_model_registry (champion flag as of training).
        backtest_rows: rows of ml_backtest.
        scorer: the trained model; None when there was nothing to train, or it was not promoted.
    """

    registry_row: pl.DataFrame
    backtest_rows: pl.DataFrame
    scorer: BinaryScorer | None


def model_folder(models_dir: Path, model_name: str, version: str) -> Path:
    """Where a version lies."""
    return models_dir / model_name / version


def store_model(models_dir: Path, model: StoredModel) -> Path:
    """Write a model's folder in one step; a half-written one is never seen.

    Returns:
        The folder.
    """
    name: str = model.registry_row["model_name"][0]
    version: str = model.registry_row["model_version"][0]
    folder = model_folder(models_dir, name, version)
    if folder.exists():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(prefix=".unfinished-", dir=folder.parent))
    try:
        model.registry_row.write_ndjson(unfinished / REGISTRY_FILE)
        model.backtest_rows.write_ndjson(unfinished / BACKTEST_FILE)
        if model.scorer is not None:
            model.scorer.save(unfinished)
        unfinished.chmod(0o755)
        unfinished.rename(folder)
    finally:
        if unfinished.exists():
            shutil.rmtree(unfinished)
    return folder


def load_model(models_dir: Path, model_name: str, version: str) -> StoredModel | None:
    """Read a model's folder; None when there is none."""
    folder = model_folder(models_dir, model_name, version)
    if not folder.exists():
        return None
    has_scorer = (folder / "scorer.json").is_file()
    return StoredModel(
        registry_row=_read(folder / REGISTRY_FILE, REGISTRY_SCHEMA),
        backtest_rows=_read(folder / BACKTEST_FILE, BACKTEST_SCHEMA),
        scorer=BinaryScorer.load(folder) if has_scorer else None,
    )


def load_scorer(models_dir: Path, model_name: str, version: str) -> BinaryScorer:
    """The trained model of a version.

    Raises:
        FileNotFoundError: it is registered, but its files are gone.
    """
    folder = model_folder(models_dir, model_name, version)
    if not folder.exists():
        raise FileNotFoundError(
            f"Model {version} is registered, but {folder} does not exist. Restore the models "
            "folder from a backup, or delete the version from ml.ml_model_registry and train again."
        )
    return BinaryScorer.load(folder)


def _read(path: Path, schema: object) -> pl.DataFrame:
    if path.stat().st_size == 0:
        return pl.DataFrame(schema=schema)  # pyright: ignore
    return pl.read_ndjson(path, schema=schema)  # pyright: ignore
