"""The dbt project as assets: everything up to core in one step, the marts in another.

G2 and the predictions stand between the two. The models live in `transformations/`.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import dagster as dg
from dagster_dbt import DbtProject, dbt_assets

from orchestration.lib.build_database import connected, set_clock
from orchestration.lib.dbt_cli import DbtCli, read_project, share_reading
from orchestration.lib.dbt_metadata import table_metadata
from orchestration.lib.dbt_translator import WarehouseTranslator
from orchestration.lib.pools import DUCKDB
from orchestration.settings import PROJECT_DIR, Settings

PROJECT = DbtProject(
    project_dir=PROJECT_DIR / "transformations",
    profiles_dir=PROJECT_DIR / "transformations",
    target_path="target/nightly",  # the folder above is that of a dbt which is called by hand
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
        read_project(PROJECT)
        manifest.touch()
    return manifest


MANIFEST = prepared_manifest()
TRANSLATOR = WarehouseTranslator()


def _build(context: dg.AssetExecutionContext, dbt: DbtCli, settings: Settings) -> Iterator[Any]:
    with connected(settings.database) as con:
        rebuild = set_clock(con, settings)
    # Unit tests judge the code, not the data: `make test` runs them.
    arguments = ["build", "--exclude-resource-type", "unit_test"]
    # What dbt would add for each node costs more than the node; compiled and run SQL is in target.
    arguments += ["--log-level-file", "info"]
    if rebuild:
        arguments.append("--full-refresh")
    share_reading(PROJECT, settings.dbt_target)
    invocation = dbt.cli(
        arguments, context=context, target_path=settings.dbt_target, raise_on_error=False
    )
    # dbt holds the database until it ends; only then can it be asked what was built.
    try:
        events = list(cast("Iterator[Any]", invocation.stream()))
    finally:
        if invocation.process.poll() is None:  # its events could not be read to the end
            invocation.process.terminate()
            invocation.process.wait()
    keys = {
        event.output_name: context.asset_key_for_output(event.output_name)
        for event in events
        if isinstance(event, dg.Output)
    }
    found: dict[dg.AssetKey, dict[str, Any]] = {}
    if keys:  # a dbt that failed early has left no manifest; its own error is what counts
        with connected(settings.database) as con:
            found = table_metadata(con, keys.values(), settings.dbt_target)
    for event in events:
        if isinstance(event, dg.Output):
            output = cast("dg.Output[Any]", event)
            yield output.with_metadata(
                {**output.metadata, **found.get(keys[output.output_name], {})}
            )
        else:
            yield event
    if error := invocation.get_error():
        raise error


@dbt_assets(
    manifest=MANIFEST,
    exclude=MARTS,
    name="dbt_core",
    project=PROJECT,
    dagster_dbt_translator=TRANSLATOR,
    pool=DUCKDB,
)
def dbt_core(
    context: dg.AssetExecutionContext, dbt: DbtCli, settings: dg.ResourceParam[Settings]
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
    context: dg.AssetExecutionContext, dbt: DbtCli, settings: dg.ResourceParam[Settings]
) -> Iterator[Any]:
    """The KPI marts, with their tests."""
    yield from _build(context, dbt, settings)
