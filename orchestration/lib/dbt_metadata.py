"""What a dbt build made, for the asset catalogue: row counts, column types, column lineage.

dagster-dbt has the same as `fetch_row_counts().fetch_column_metadata()`, with a connection and a
parse for every model. Here the database is asked once, and a lineage is kept until the SQL changes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb

from orchestration.lib.column_lineage import Columns, Lineage, column_lineage
from orchestration.sources.catalog import quoted


def table_metadata(
    con: duckdb.DuckDBPyConnection, keys: Iterable[dg.AssetKey], target: Path
) -> dict[dg.AssetKey, dict[str, Any]]:
    """Dagster's standard metadata of relations that dbt has built.

    Args:
        con: the build database.
        keys: `[schema, name]` of the relations; one that does not exist gets no metadata.
        target: dbt's target folder of the build, with `manifest.json`; lineages are kept there.

    Returns:
        `dagster/row_count` (of tables), `dagster/column_schema` and `dagster/column_lineage`.
    """
    columns = _columns(con)
    built = {key: f"{key.path[0]}.{key.path[1]}" for key in keys}
    built = {key: relation for key, relation in built.items() if relation in columns}
    counts = _row_counts(con, set(built.values()))
    lineages = _lineages(target / "manifest.json", target / "column_lineage.json", columns)
    found: dict[dg.AssetKey, dict[str, Any]] = {}
    for key, relation in built.items():
        types = columns[relation]
        found[key] = {
            "dagster/column_schema": dg.TableSchema(
                [dg.TableColumn(name, kind) for name, kind in types.items()]
            ),
            "dagster/column_lineage": _as_lineage(lineages.get(relation, {})),
        }
        if relation in counts:
            found[key]["dagster/row_count"] = counts[relation]
    return found


def _columns(con: duckdb.DuckDBPyConnection) -> dict[str, dict[str, str]]:
    found = con.execute(
        "select lower(schema_name || '.' || table_name), column_name, lower(data_type) "
        "from duckdb_columns() where not internal order by 1, column_index"
    ).fetchall()
    columns: dict[str, dict[str, str]] = {}
    for relation, column, kind in found:
        columns.setdefault(relation, {})[column] = kind
    return columns


def _row_counts(con: duckdb.DuckDBPyConnection, relations: set[str]) -> dict[str, int]:
    tables = con.execute(
        "select schema_name, table_name from duckdb_tables() where not internal"
    ).fetchall()
    counts = [
        f"select '{schema}.{name}', count(*) from {quoted(schema)}.{quoted(name)}"
        for schema, name in tables
        if f"{schema}.{name}".lower() in relations
    ]
    return dict(con.execute(" union all ".join(counts)).fetchall()) if counts else {}


def _lineages(manifest: Path, cache: Path, columns: Columns) -> dict[str, Lineage]:
    """The column lineage of every compiled model, from the cache where its SQL is unchanged."""
    kept: dict[str, Any] = json.loads(cache.read_text()) if cache.exists() else {}
    nodes = json.loads(manifest.read_text())
    relations = {
        identity: f"{node['schema']}.{node.get('identifier') or node['name']}".lower()
        for identity, node in {**nodes["nodes"], **nodes["sources"]}.items()
    }
    now: dict[str, Any] = {}
    for identity, node in nodes["nodes"].items():
        if node["resource_type"] != "model" or not node.get("compiled_code"):
            continue
        reads = {relations[parent] for parent in node["depends_on"]["nodes"]}
        upstream = {name: columns[name] for name in sorted(reads) if name in columns}
        described = json.dumps([node["compiled_code"], upstream])
        fingerprint = hashlib.sha256(described.encode()).hexdigest()
        relation = relations[identity]
        now[relation] = kept.get(relation)
        if now[relation] is None or now[relation]["fingerprint"] != fingerprint:
            lineage = column_lineage(node["compiled_code"], upstream)
            now[relation] = {"fingerprint": fingerprint, "lineage": lineage}
    # The models of the other dbt step, which this build did not compile, stay in the cache.
    cache.write_text(json.dumps({**kept, **now}))
    return {relation: entry["lineage"] for relation, entry in now.items()}


def _as_lineage(lineage: Lineage) -> dg.TableColumnLineage:
    return dg.TableColumnLineage(
        {
            column: [dg.TableColumnDep(dg.AssetKey(table.split(".")), name) for table, name in deps]
            for column, deps in lineage.items()
        }
    )
