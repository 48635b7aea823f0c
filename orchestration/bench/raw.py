"""Loading exports: as text with a ledger and a line number, beside a typed load without them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import duckdb

from orchestration.bench.measuring import Bench, Case
from orchestration.sources import demo
from orchestration.sources.catalog import declared_tables, objects_of, quoted
from orchestration.sources.raw import landed_objects, load

SYSTEM = "salesforce"


@dataclass(frozen=True)
class _Exports:
    landing: Path
    transformations: Path
    database: Path


def _exports(bench: Bench) -> _Exports:
    folder = bench.folder / "exports"
    demo.generate(
        folder / "landing",
        folder / "truth",
        scale=bench.scale,
        end=bench.settings.demo_end,
        seed=bench.settings.demo_seed,
    )
    return _Exports(folder / "landing", bench.settings.transformations, folder / "raw.duckdb")


def _as_text(exports: _Exports) -> int:
    objects = objects_of(SYSTEM, declared_tables(exports.transformations))
    exports.database.unlink(missing_ok=True)
    with duckdb.connect(str(exports.database)) as con:
        files = landed_objects(exports.landing, SYSTEM, objects)
        return sum(one.rows for one in load(con, files, objects))


def _typed(exports: _Exports) -> int:
    exports.database.unlink(missing_ok=True)
    rows = 0
    with duckdb.connect(str(exports.database)) as con:
        for folder in sorted((exports.landing / SYSTEM).iterdir()):
            rows += con.execute(
                f"create table {quoted(folder.name)} as "
                f"from read_csv('{folder}/*.csv', union_by_name = true)"
            ).fetchall()[0][0]
    return rows


CASES = (
    Case(
        "load",
        f"the CSV files of {SYSTEM} into raw tables, as text, each file once and with its ledger",
        _exports,
        _as_text,
        "DuckDB guesses the types and keeps no ledger",
        _typed,
    ),
)
