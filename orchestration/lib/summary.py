"""What a run says at its end: tables, gates, quarantine, the model's verdict, where to look."""

from __future__ import annotations

from typing import Any

import duckdb
from rich.console import Console
from rich.table import Table

from orchestration.lib.build_database import connected
from orchestration.lib.launch import RunResult
from orchestration.lib.publishing import DATABASE, PUBLISHED_SCHEMAS
from orchestration.settings import Settings
from orchestration.sources.catalog import quoted

GATES = {
    "G1": "raw → staging",
    "G2": "core → predictions",
    "G3": "predictions → marts",
    "G4": "marts → published",
}


def print_summary(console: Console, settings: Settings, result: RunResult) -> None:
    """Print the summary of a run.

    Args:
        console: where it goes.
        settings: what the run ran on.
        result: how it ended.
    """
    if settings.database.exists():
        with connected(settings.database) as con:
            if result.succeeded:
                _tables(console, con)
            _gates(console, con, result.run_id or "")
            _quarantine(console, con)
            _repairs(console, con)
            if result.succeeded:
                _model(console, con)
    console.print()
    if not result.succeeded:
        console.print(f"[red bold]The run failed after {result.seconds:.0f} s.[/red bold]")
        for failure in result.failures:
            console.print(f"  {failure}", markup=False)
        console.print(
            "What is published is still what the last good run published. Mend the cause and run "
            f"again; the full log is {result.log}"
        )
        return
    console.print(f"[green bold]Published in {result.seconds:.0f} s.[/green bold] Where to look:")
    console.print(f"  query    duckdb -readonly {settings.published / DATABASE}")
    console.print(f"  files    {settings.published / 'parquet'}/<schema>/<model>/")
    console.print("  lineage  make ui    then http://127.0.0.1:3000")
    console.print("  docs     make docs  dbt docs and what the gates found")
    console.print(f"  log      {result.log}")


def _rows(con: duckdb.DuckDBPyConnection, query: str, *values: object) -> list[tuple[Any, ...]]:
    """The rows of a query over ops tables; none where a run ended before they were made."""
    try:
        return con.execute(query, list(values)).fetchall()
    except duckdb.CatalogException:
        return []


def _tables(console: Console, con: duckdb.DuckDBPyConnection) -> None:
    table = Table(title="Tables built", title_justify="left", box=None, padding=(0, 2, 0, 0))
    table.add_column("schema")
    table.add_column("tables", justify="right")
    table.add_column("rows", justify="right")
    table.add_column("the largest")
    schemas = _rows(
        con,
        "select table_schema, list(table_name order by table_name) "
        "from information_schema.tables where table_type = 'BASE TABLE' "
        "and (table_schema like 'raw_%' "
        "or table_schema in ('intermediate', 'core', 'ml', 'marts')) "
        "group by 1 order by 1",
    )
    for schema, names in schemas:
        counts = {
            name: con.execute(f"select count(*) from {quoted(schema)}.{quoted(name)}").fetchall()[
                0
            ][0]
            for name in names
        }
        largest = sorted(counts, key=lambda name: -counts[name])
        shown = names if schema in PUBLISHED_SCHEMAS[1:] else largest[:2]
        table.add_row(
            schema,
            f"{len(names)}",
            f"{sum(counts.values()):,}",
            ", ".join(f"{name} {counts[name]:,}" for name in shown),
        )
    console.print()
    console.print(table)


def _gates(console: Console, con: duckdb.DuckDBPyConnection, run_id: str) -> None:
    found = {
        gate: counts
        for gate, *counts in _rows(
            con,
            "select gate, count(*) filter (success), "
            "count(*) filter (not success and severity = 'critical'), "
            "count(*) filter (not success and severity <> 'critical') "
            "from ops.ops_check where run_id = ? group by gate",
            run_id,
        )
    }
    console.print("\n[bold]Gates[/bold]")
    for gate, between in GATES.items():
        if gate not in found:
            console.print(f"  {gate}  {between:<20} not reached")
            continue
        passed, failed, warned = found[gate]
        mark = "[red]failed[/red]" if failed else "[green]passed[/green]"
        console.print(
            f"  {gate}  {between:<20} {mark}  {passed:,} expectations met, "
            f"{failed} failed, {warned} warnings"
        )


def _quarantine(console: Console, con: duckdb.DuckDBPyConnection) -> None:
    tables = _rows(
        con,
        "select table_name from information_schema.tables "
        "where table_schema = 'quarantine' and table_name <> 'unreadable' order by 1",
    )
    console.print("\n[bold]Quarantined rows by reason[/bold]")
    none = True
    for (name,) in tables:
        for reason, rows in _rows(
            con,
            f"select reason, count(*) from quarantine.{quoted(name)} "
            "where released_load_id is null group by 1 order by 2 desc, 1 limit 5",
        ):
            none = False
            console.print(f"  {rows:>6,}  {name.replace('__', '.')}: {reason}", markup=False)
    for system, name, reason, rows in _rows(
        con,
        "select source_system, object_name, reason, count(*) from quarantine.unreadable "
        "group by all order by all",
    ):
        none = False
        console.print(f"  {rows:>6,}  {system}.{name}: unreadable line: {reason}", markup=False)
    if none:
        console.print("  none")


def _repairs(console: Console, con: duckdb.DuckDBPyConnection) -> None:
    repairs = _rows(
        con,
        "select object_name, column_name, source_value, value, rows_repaired from ops.ops_repair "
        "where rows_repaired > 0 order by all",
    )
    if repairs:
        console.print("\n[bold]Repaired by the source's mapping[/bold]")
    for name, column, old, new, rows in repairs:
        console.print(f"  {rows:>6,}  {name}.{column}: {old} → {new}", markup=False)


def _model(console: Console, con: duckdb.DuckDBPyConnection) -> None:
    console.print("\n[bold]Opportunity score[/bold]")
    for decision, reason, version in _rows(
        con,
        "select promotion_decision, promotion_reason, model_version from ml.ml_model_registry "
        "where model_name = 'opportunity_score' order by trained_as_of desc limit 1",
    ):
        console.print(f"  {version}: {decision}: {reason}", markup=False)
    for sufficiency, scored in _rows(
        con,
        "select data_sufficiency, count(*) from ml.ml_opportunity_score where as_of_date = "
        "(select max(as_of_date) from ml.ml_opportunity_score) group by 1 order by 2 desc",
    ):
        console.print(f"  {scored:,} open opportunities scored: {sufficiency}", markup=False)
