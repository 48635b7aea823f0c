"""Which columns each column of a dbt model comes from, read from its compiled SQL."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.lineage import Node, lineage  # pyright: ignore[reportUnknownVariableType]

Columns = Mapping[str, Mapping[str, str]]
"""Column → type of each relation, by `schema.name` in lower case."""

Lineage = dict[str, list[tuple[str, str]]]
"""Column → (`schema.name`, column) of what it is made from."""


def column_lineage(sql: str, columns: Columns) -> Lineage:
    """The columns that each column of a query is made from.

    Args:
        sql: a compiled DuckDB query.
        columns: the columns of the relations that it reads.

    Returns:
        The lineage; empty for a query that cannot be followed.
    """
    schemas: dict[str, Any] = {}
    for relation, types in columns.items():
        schema, _, name = relation.partition(".")
        schemas.setdefault(schema, {})[name] = dict(types)
    try:
        nodes = lineage(None, sql, schemas, dialect="duckdb", trim_selects=False)
    except (SqlglotError, ValueError, KeyError):
        return {}
    return {column: _leaves(node) for column, node in nodes.items()}


def _leaves(node: Node) -> list[tuple[str, str]]:
    found: set[tuple[str, str]] = set()
    for leaf in node.walk():
        table = leaf.expression
        if isinstance(table, exp.Table) and not leaf.downstream:
            found.add((f"{table.db}.{table.name}".lower(), leaf.name.rpartition(".")[2].strip('"')))
    return sorted(found)
