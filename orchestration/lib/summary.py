"""What a run says at its end: tables, gates, quarantine, the model's verdict, where to look."""

from __future__ import annotations

from typing import Any

import duckdb
from rich.console import Console
from rich.table import Table

from expectations.quarantine import refusals
from orchestration.lib.build_database import connected
from orchestration.lib.launch import RunResult
from orchestration.lib.publishing import DATABASE
from orchestration.settings import Settings
from orchestration.sources.catalog import quoted

GATES = {
    "G1": "raw → staging",
    "G2": "core → predictions",
    "G3": "predictions → marts",
    "G3_derived": "what is derived from predictions",
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
                _models(console, con)
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
    """A line for each schema, and for each table that people query first."""
    table = Table(title="Tables built", title_justify="left", box=None, padding=(0, 2, 0, 0))
    table.add_column("")
    table.add_column("tables", justify="right")
    table.add_column("rows", justify="right")
    schemas = _rows(
        con,
        "select schema_name, list(table_name order by table_name) from duckdb_tables() "
        "where schema_name like 'raw_%' "
        "or schema_name in ('intermediate', 'core', 'ml', 'marts') group by 1 "
        "order by list_position(['intermediate', 'core', 'ml', 'marts'], schema_name) "
        "nulls first, schema_name",
    )
    for schema, names in schemas:
        counts = {
            name: _rows(con, f"select count(*) from {quoted(schema)}.{quoted(name)}")[0][0]
            for name in names
        }
        table.add_row(schema, f"{len(names)}", f"{sum(counts.values()):,}")
        if schema in ("ml", "marts"):
            for name, rows in counts.items():
                table.add_row(f"  {name}", "", f"{rows:,}")
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
            console.print(f"  {gate:<10}  {between:<31}  not reached")
            continue
        passed, failed, warned = found[gate]
        mark = "[red]failed[/red]" if failed else "[green]passed[/green]"
        console.print(
            f"  {gate:<10}  {between:<31}  {mark}  {passed:,} expectations met, "
            f"{failed} failed, {warned} warnings"
        )


def _quarantine(console: Console, con: duckdb.DuckDBPyConnection) -> None:
    console.print("\n[bold]Quarantined rows by reason[/bold]")
    refused = [(one.rows, one.table, one.reason) for one in refusals(con)]
    unreadable = _rows(
        con,
        "select count(*), source_system || '.' || object_name, 'unreadable line: ' || reason "
        "from quarantine.unreadable group by all order by all",
    )
    for rows, name, reason in [*refused, *unreadable]:
        console.print(f"  {rows:>6,}  {name}: {reason}", markup=False)
    if not refused and not unreadable:
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


def _models(console: Console, con: duckdb.DuckDBPyConnection) -> None:
    """What each model's latest version is worth, and whether it or something else speaks."""
    console.print("\n[bold]Predictions[/bold]")
    for name, reason, speaker in _rows(
        con,
        "select model_name, promotion_reason, max(model_version) filter (is_champion) "
        "over (partition by model_name) from ml.ml_model_registry "
        "qualify row_number() over (partition by model_name "
        "order by trained_as_of desc, is_champion desc, model_version desc) = 1 order by 1",
    ):
        words = name.replace("_", " ").capitalize()
        console.print(f"  {words}: {reason}", markup=False)
        console.print(f"    {speaker or 'no model'} speaks", markup=False)
