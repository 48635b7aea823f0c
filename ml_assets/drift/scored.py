"""What champions read when they last scored, kept between the scoring and the look at drift."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import polars as pl

FOLDER = "_scored"
VERSION, EVENING = "_model_version", "_as_of_date"


@dataclass(frozen=True)
class ScoredFeatures:
    """Features of an evening's scored rows, and the version that read them."""

    version: str
    features: pl.DataFrame


def store_scored(
    models_dir: Path,
    model_name: str,
    as_of: date,
    version: str | None,
    features: pl.DataFrame | None,
) -> None:
    """Keep an evening's features in the place of the last ones; none without a champion."""
    file = models_dir / FOLDER / f"{model_name}.parquet"
    if version is None or features is None:
        file.unlink(missing_ok=True)
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    written = file.with_suffix(".new")
    features.with_columns(
        pl.lit(version).alias(VERSION), pl.lit(as_of).alias(EVENING)
    ).write_parquet(written)
    written.replace(file)


def read_scored(models_dir: Path, model_name: str, as_of: date) -> ScoredFeatures | None:
    """What the champion read on an evening; None where no champion spoke then."""
    file = models_dir / FOLDER / f"{model_name}.parquet"
    if not file.is_file():
        return None
    kept = pl.read_parquet(file)
    if kept.is_empty() or kept[EVENING][0] != as_of:
        return None
    return ScoredFeatures(str(kept[VERSION][0]), kept.drop(VERSION, EVENING))
