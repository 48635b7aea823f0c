"""The dbt project as assets: everything up to core in one step, the marts in another.

G2 and the predictions stand between the two. The models live in `transformations/`.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_dbt import DbtCliResource, DbtProject, dbt_assets

from orchestration.lib.build_database import connected, set_clock
from orchestration.lib.dbt_translator import WarehouseTranslator
from orchestration.lib.pools import DUCKDB
from orchestration.settings import PROJECT_DIR, Settings

PROJECT = DbtProject(
    project_dir=PROJECT_DIR / "transformations", profiles_dir=PROJECT_DIR / "transformations"
)
MARTS = "path:models/marts"


def _sources_of_manifest() -> Iterator[Path]:
    for folder in (PROJECT_DIR / "transformations", PROJECT_DIR / "seeds"):
        for path in folder.rglob("*"):
            if path.suffix in {".sql", ".yml", ".md", ".csv"} and "target" not in path.parts:
                yield path


def prepared_manifest() -> Path:
    """The dbt manifest, parsed anew when the project has changed since."""
    manifest = PROJECT.manifest_path
    stale = not manifest.exists() or any(
        path.stat().st_mtime > manifest.stat().st_mtime for path in _sources_of_manifest()
    )
    if stale:
        PROJECT.preparer.prepare(PROJECT)
        manifest.touch()
    return manifest


MANIFEST = prepared_manifest()
TRANSLATOR = WarehouseTranslator()


def _build(
    context: dg.AssetExecutionContext, dbt: DbtCliResource, settings: Settings
) -> Iterator[Any]:
    with connected(settings.database) as con:
        as_of, rebuild = set_clock(con, settings)
    # Unit tests judge the code, not the data: `make test` runs them.
    arguments = ["build", "--exclude-resource-type", "unit_test"]
    arguments += ["--vars", json.dumps({"as_of_date": as_of.isoformat()})]
    if rebuild:
        arguments.append("--full-refresh")
    invocation = dbt.cli(arguments, context=context, target_path=PROJECT.target_path)
    yield from invocation.stream().fetch_row_counts().fetch_column_metadata()


@dbt_assets(
    manifest=MANIFEST,
    exclude=MARTS,
    name="dbt_core",
    project=PROJECT,
    dagster_dbt_translator=TRANSLATOR,
    pool=DUCKDB,
)
def dbt_core(
    context: dg.AssetExecutionContext, dbt: DbtCliResource, settings: dg.ResourceParam[Settings]
) -> Iterator[Any]:
    """Seeds, staging, intermediate and core, with their tests."""
    yield from _build(context, dbt, settings)


@dbt_assets(
    manifest=MANIFEST,
    select=MARTS,
    name="dbt_marts",
    project=PROJECT,
    dagster_dbt_translator=TRANSLATOR,
    pool=DUCKDB,
)
def dbt_marts(
    context: dg.AssetExecutionContext, dbt: DbtCliResource, settings: dg.ResourceParam[Settings]
) -> Iterator[Any]:
    """The KPI marts, with their tests."""
    yield from _build(context, dbt, settings)
