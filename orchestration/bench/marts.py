"""Reading a mart: from the published file, beside working it out from core at each question."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import duckdb

from orchestration.bench.measuring import Bench, Case
from orchestration.lib.publishing import DATABASE

MARTS = {
    "mart_win_rate": "segment_type = 'company' and period_type = 'quarter'",
    "mart_exec_kpi": "segment_type = 'company' and period_type = 'month'",
    "mart_rep_scorecard": "true",
}
"""The marts that are asked, and what a dashboard would ask of each."""


@dataclass(frozen=True)
class _Question:
    database: Path
    published: Path
    sql: str
    model: str


def _prepare(mart: str, where: str) -> Callable[[Bench], _Question]:
    def question(bench: Bench) -> _Question:
        company = bench.company
        compiled = company.dbt_target / "compiled" / "sales_warehouse" / "models" / "marts"
        model = next(compiled.rglob(f"{mart}.sql")).read_text(encoding="utf-8")
        return _Question(company.database, company.published / DATABASE, where, model)

    return question


def _published(mart: str) -> Callable[[_Question], int]:
    def read(asked: _Question) -> int:
        with duckdb.connect(str(asked.published), read_only=True) as con:
            return len(con.execute(f"from marts.{mart} where {asked.sql}").fetchall())

    return read


def _from_core(asked: _Question) -> int:
    with duckdb.connect(str(asked.database), read_only=True) as con:
        con.execute("set timezone = 'UTC'")
        # The model names the database by the name of its file, which is the attached one's.
        return len(con.execute(f"from ({asked.model}) where {asked.sql}").fetchall())


CASES = tuple(
    Case(
        mart,
        f"{mart} where {where}, opening the published file included",
        _prepare(mart, where),
        _published(mart),
        "the mart as a view over core",
        _from_core,
    )
    for mart, where in MARTS.items()
)
