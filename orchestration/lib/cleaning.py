"""Remove what runs made. Raw data that only the build database still holds is kept."""

from __future__ import annotations

import shutil
from pathlib import Path

from orchestration.lib.build_database import DEMO, held_source
from orchestration.settings import Settings


def clean_data(settings: Settings) -> list[str]:
    """Clean the data folder.

    The demo's landing files and database are simulated again by the next run. The database of
    another company holds every version of its exports, which the source may have overwritten.

    Returns:
        A line for each thing that was removed or kept.
    """
    lines: list[str] = []
    dagster = settings.data / "dagster"
    for folder in (settings.published, settings.models, settings.dbt_target, dagster):
        _remove(folder, lines)
    if (settings.truth / "manifest.json").exists():
        _remove(settings.landing, lines)
        _remove(settings.truth, lines)
    for database in sorted(settings.data.glob("warehouse*.duckdb")):
        held = held_source(database)
        if held in (None, DEMO):
            _remove(database, lines)
        else:
            lines.append(f"kept {database}: it holds the raw history of {held}")
    return lines


def _remove(path: Path, lines: list[str]) -> None:
    if not path.exists():
        return
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()
    lines.append(f"removed {path}")
