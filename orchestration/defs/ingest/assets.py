"""Raw tables: one step per source system, each file loaded once."""

from collections.abc import Iterator
from typing import Any

import dagster as dg
import duckdb

from orchestration.lib.build_database import connected, prepare
from orchestration.lib.dbt_translator import raw_schema
from orchestration.lib.pools import DUCKDB
from orchestration.settings import PROJECT_DIR, Settings
from orchestration.sources import demo
from orchestration.sources.catalog import (
    FILES_SYSTEM,
    SourceTable,
    declared_tables,
    objects_of,
    systems,
)
from orchestration.sources.files import load_source, read_spec
from orchestration.sources.raw import Load, landed_objects, load

TABLES = declared_tables(PROJECT_DIR / "transformations")
SYSTEMS = [system for system in systems(TABLES) if system != FILES_SYSTEM]
LANDING = dg.AssetKey(["landing", "exports"])
OWNERS = ["team:data-platform"]


@dg.asset(
    key=LANDING,
    group_name="landing",
    kinds={"python", "file"},
    owners=OWNERS,
    pool=DUCKDB,
    description=(
        "The files to load. Without a `source.yml` the demo company's exports are simulated up to "
        "its last day; files that are there stay as they are."
    ),
)
def landing_exports(settings: dg.ResourceParam[Settings]) -> dg.MaterializeResult[Any]:
    """Make the build database ready and, for the demo, simulate what is missing."""
    prepare(settings)
    if settings.source is not None:
        return dg.MaterializeResult(metadata={"source": str(settings.source.name)})
    files = demo.generate(
        settings.landing,
        settings.truth,
        scale=settings.demo_scale,
        end=settings.demo_end,
        seed=settings.demo_seed,
    )
    rows = sum(file.rows for file in files)
    return dg.MaterializeResult(metadata={"new_files": len(files), "new_rows": rows})


def _loads(con: duckdb.DuckDBPyConnection, system: str, settings: Settings) -> list[Load]:
    if settings.source is None:
        if system == FILES_SYSTEM:
            return []
        objects = objects_of(system, TABLES)
        return load(con, landed_objects(settings.landing, system, objects), objects)
    spec = read_spec(settings.source)
    return load_source(con, spec, TABLES) if system == (spec.system or FILES_SYSTEM) else []


def _spec(system: str, table: SourceTable) -> dg.AssetSpec:
    return dg.AssetSpec(
        [table.schema, table.name],
        deps=[LANDING],
        group_name=raw_schema(system),
        kinds={"duckdb", system if system != FILES_SYSTEM else "file"},
        owners=OWNERS,
        metadata={
            "dagster/column_schema": dg.TableSchema(
                [dg.TableColumn(name, kind.lower()) for name, kind in table.columns.items()]
            )
        },
    )


def raw_assets(system: str) -> dg.AssetsDefinition:
    """The raw tables of one system as one step.

    Args:
        system: a declared vendor system or `files`.
    """
    schema = raw_schema(system)
    tables = [table for table in TABLES if table.schema == schema]

    @dg.multi_asset(
        name=schema, specs=[_spec(system, table) for table in tables], pool=DUCKDB, can_subset=False
    )
    def load_raw(settings: dg.ResourceParam[Settings]) -> Iterator[dg.MaterializeResult[Any]]:
        with connected(settings.database) as con:
            loads = _loads(con, system, settings)
            for table in tables:
                counted = con.execute(f"select count(*) from {table.relation}").fetchone()
                new = [one for one in loads if one.object_name == table.name]
                metadata = {
                    "dagster/row_count": 0 if counted is None else int(counted[0]),
                    "new_rows": sum(one.rows for one in new),
                    "unreadable_lines": sum(one.unreadable for one in new),
                    "new_columns": ", ".join(c for one in new for c in one.columns_added) or "none",
                }
                yield dg.MaterializeResult(asset_key=[table.schema, table.name], metadata=metadata)

    return load_raw


ASSETS = [landing_exports, *(raw_assets(system) for system in [*SYSTEMS, FILES_SYSTEM])]
