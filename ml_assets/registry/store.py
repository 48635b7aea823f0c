"""Trained models on disk: `models/<model name>/<version>/`, written once.

A version's name follows from its content, so a folder that is there is never written again, and a
training that has been done once need not be repeated, even if the warehouse has been deleted since.

    <version>/                 the model's own files
    <version>/candidate.json   what it was made with
    <version>/reference.parquet   the features that it was trained on
    <version>/held_out/        its predictions on rows that it had not seen, one Parquet file each
    <version>/evaluation/      the verdict: registry row, backtest rows, plots
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from ml_assets.evaluation.plots import Plot
from ml_assets.registry.tables import BACKTEST_SCHEMA, REGISTRY_SCHEMA

CANDIDATE_FILE = "candidate.json"
REFERENCE_FILE = "reference.parquet"
HELD_OUT = "held_out"
EVALUATION = "evaluation"
REGISTRY_FILE = "registry.ndjson"
BACKTEST_FILE = "backtest.ndjson"
PLOTS_FILE = "plots.json"


@dataclass(frozen=True)
class StoredCandidate:
    """What training wrote.

    Attributes:
        facts: what the version was made with, and figures of sample and training.
        held_out: predictions on rows that the model had not seen, by name.
    """

    facts: dict[str, Any]
    held_out: dict[str, pl.DataFrame]


def model_folder(models_dir: Path, model_name: str, version: str) -> Path:
    """Where a version lies."""
    return models_dir / model_name / version


def champion_folder(models_dir: Path, model_name: str, version: str) -> Path:
    """Where a registered version lies, which must be there.

    Raises:
        FileNotFoundError: it is registered, but its files are gone.
    """
    folder = model_folder(models_dir, model_name, version)
    if not folder.exists():
        raise FileNotFoundError(
            f"Model {version} is registered, but {folder} does not exist. Restore the models "
            "folder from a backup, or delete the version from ml.ml_model_registry and train again."
        )
    return folder


def store_candidate(
    models_dir: Path,
    model_name: str,
    version: str,
    *,
    facts: Mapping[str, object],
    held_out: Mapping[str, pl.DataFrame],
    reference: pl.DataFrame | None,
    save: Callable[[Path], None] | None,
) -> None:
    """Write a version's folder in one step; a half-written one is never seen."""
    with _written_at_once(model_folder(models_dir, model_name, version)) as folder:
        _write_json(folder / CANDIDATE_FILE, facts)
        (folder / HELD_OUT).mkdir()
        for name, frame in held_out.items():
            frame.write_parquet(folder / HELD_OUT / f"{name}.parquet")
        if reference is not None:
            reference.write_parquet(folder / REFERENCE_FILE)
        if save is not None:
            save(folder)


def is_trained(models_dir: Path, model_name: str, version: str) -> bool:
    """Whether training wrote a version."""
    return (model_folder(models_dir, model_name, version) / CANDIDATE_FILE).is_file()


def read_candidate(models_dir: Path, model_name: str, version: str) -> StoredCandidate | None:
    """What training wrote of a version; None when there is none."""
    folder = model_folder(models_dir, model_name, version)
    if not is_trained(models_dir, model_name, version):
        return None
    return StoredCandidate(
        facts=json.loads((folder / CANDIDATE_FILE).read_text(encoding="utf-8")),
        held_out={
            file.stem: pl.read_parquet(file) for file in sorted((folder / HELD_OUT).iterdir())
        },
    )


def read_reference(models_dir: Path, model_name: str, version: str) -> pl.DataFrame | None:
    """The features that a version was trained on; None when it kept none."""
    file = model_folder(models_dir, model_name, version) / REFERENCE_FILE
    return pl.read_parquet(file) if file.is_file() else None


def store_evaluation(
    models_dir: Path,
    model_name: str,
    version: str,
    *,
    registry_row: pl.DataFrame,
    backtest_rows: pl.DataFrame,
    plots: tuple[Plot, ...],
) -> None:
    """Write the verdict on a version beside it, in one step."""
    with _written_at_once(model_folder(models_dir, model_name, version) / EVALUATION) as folder:
        registry_row.write_ndjson(folder / REGISTRY_FILE)
        backtest_rows.select(BACKTEST_SCHEMA.keys()).write_ndjson(folder / BACKTEST_FILE)
        _write_json(
            folder / PLOTS_FILE,
            [{"name": plot.name, "title": plot.title, "svg": plot.svg} for plot in plots],
        )


def read_evaluation(
    models_dir: Path, model_name: str, version: str
) -> tuple[pl.DataFrame, pl.DataFrame, tuple[Plot, ...]] | None:
    """Registry row, backtest rows and plots of a version; None when it was not judged."""
    folder = model_folder(models_dir, model_name, version) / EVALUATION
    if not folder.exists():
        return None
    return (
        _read_rows(folder / REGISTRY_FILE, REGISTRY_SCHEMA),
        _read_rows(folder / BACKTEST_FILE, BACKTEST_SCHEMA),
        tuple(Plot(**plot) for plot in json.loads((folder / PLOTS_FILE).read_text("utf-8"))),
    )


@contextmanager
def _written_at_once(target: Path) -> Generator[Path]:
    """A folder to write into, which takes its name when all is written; what is there stays."""
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(prefix=".unfinished-", dir=target.parent))
    try:
        yield unfinished
        unfinished.chmod(0o755)
        if not target.exists():
            unfinished.rename(target)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _write_json(path: Path, content: object) -> None:
    path.write_text(json.dumps(content, sort_keys=True, ensure_ascii=False), encoding="utf-8")


def _read_rows(path: Path, schema: object) -> pl.DataFrame:
    if path.stat().st_size == 0:
        return pl.DataFrame(schema=schema)  # pyright: ignore
    return pl.read_ndjson(path, schema=schema)  # pyright: ignore
