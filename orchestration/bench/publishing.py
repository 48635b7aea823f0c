"""Publishing: what readers open, beside a copy of the whole build database."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from orchestration.bench.measuring import Bench, Case
from orchestration.lib.publishing import publish


@dataclass(frozen=True)
class _Built:
    database: Path
    published: Path


def _built(bench: Bench) -> _Built:
    return _Built(bench.company.database, bench.folder / "published")


def _publish(built: _Built) -> int:
    return sum(table.rows for table in publish(built.database, built.published))


CASES = (Case("publish", "core, ml and marts as a database and as Parquet", _built, _publish),)
