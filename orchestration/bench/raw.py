"""Loading an export: as text with a ledger and a line number, beside a typed load without them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import duckdb

from orchestration.bench.measuring import Bench, Case
from orchestration.sources.catalog import SourceTable
from orchestration.sources.raw import LandedObject, load

ROWS = 1_000_000
"""Rows of the export at scale 1."""

EXPORT = """
copy (
    select
        '006Qw' || lpad(i::varchar, 13, '0') as Id,
        'Renewal, ' || (i % 977)::varchar || ' seats' as Name,
        '001Qw' || lpad((i % 9973)::varchar, 13, '0') as AccountId,
        i % 7 = 0 as IsWon,
        (i * 7919 % 10000000)::decimal(18, 2) / 100 as Amount,
        date '2020-01-01' + (i % 2000)::integer as CloseDate,
        timestamp '2020-01-01' + to_minutes(i % 2000000) as SystemModstamp
    from range({rows}) as rows (i)
) to '{path}' (header, delimiter ',')
"""


@dataclass(frozen=True)
class _Export:
    file: Path
    database: Path


def _export(bench: Bench) -> _Export:
    export = _Export(bench.folder / "Opportunity.csv", bench.folder / "raw.duckdb")
    with duckdb.connect() as con:
        con.execute(EXPORT.format(rows=int(ROWS * bench.scale), path=export.file))
    return export


def _as_text(export: _Export) -> int:
    export.database.unlink(missing_ok=True)
    table = SourceTable("raw_salesforce", "Opportunity", {})
    landed = LandedObject("salesforce", table.name, export.file, export.file.name)
    with duckdb.connect(str(export.database)) as con:
        return sum(one.rows for one in load(con, [landed], {table.name: table}))


def _typed(export: _Export) -> int:
    export.database.unlink(missing_ok=True)
    with duckdb.connect(str(export.database)) as con:
        made = con.execute(f"create table opportunity as from read_csv('{export.file}')")
        return int(made.fetchall()[0][0])


CASES = (
    Case(
        "load",
        "an export in CSV into its raw table, as text, with its ledger",
        _export,
        _as_text,
        "DuckDB guesses the types and keeps no ledger",
        _typed,
    ),
)
