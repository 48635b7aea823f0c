"""What becomes of a benchmark's measurements: a table for people, `bench.json` for programs."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterable
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from rich.table import Table

from orchestration.bench.measuring import Measurement

PACKAGES = ("sales-warehouse", "dagster", "dbt-core", "duckdb", "lightgbm", "polars")


def as_table(measurements: Iterable[Measurement]) -> Table:
    """One line a measurement; the ratio says how many times as fast as the plain way ours is."""
    table = Table(box=None, padding=(0, 2, 0, 0))
    table.add_column("case", no_wrap=True)
    for column in ("seconds", "rows", "share", "plain", "ratio"):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("what")
    for one in measurements:
        table.add_row(
            one.name,
            f"{one.seconds:.2f}",
            "" if one.rows is None else f"{one.rows:,}",
            "" if one.share is None else f"{one.share:.0%}",
            "" if one.plain_seconds is None else f"{one.plain_seconds:.2f}",
            "" if one.ratio is None else f"{one.ratio:.1f}x",
            one.says if one.plain_way is None else f"{one.says}; plain: {one.plain_way}",
        )
    return table


def write(path: Path, measurements: Iterable[Measurement], scale: float) -> None:
    """Write the measurements and what they were made on; readers see the old file or the new.

    Args:
        path: the file.
        measurements: what was measured.
        scale: size of the simulated company that it was measured on.
    """
    document = {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "scale": scale,
        "machine": {
            "cores": len(os.sched_getaffinity(0)),
            "processor": platform.machine(),
            "python": platform.python_version(),
            "packages": {name: version(name) for name in PACKAGES},
        },
        "measurements": [
            {
                **asdict(one),
                "ratio": one.ratio,
                "rows_per_second": one.rows / one.seconds if one.rows and one.seconds else None,
            }
            for one in measurements
        ],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.next")
    fresh.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    fresh.replace(path)
