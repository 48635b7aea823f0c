"""Runs the chosen cases, one after another, in a folder that is gone afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console

from orchestration.bench.measuring import Bench, Benchmark, Measurement
from orchestration.settings import Settings


def measure_all(
    console: Console,
    settings: Settings,
    cases: Mapping[str, tuple[Benchmark, ...]],
    scale: float,
) -> list[Measurement]:
    """Measure every case.

    Args:
        console: where the progress goes.
        settings: the user's; the temporary folder is made below their data folder, so that it
            lies on the same disk.
        cases: what to measure, by area.
        scale: size of the simulated company that cases share, 1 being the demo's.

    Returns:
        The measurements in the order of the cases, their names beginning with the area.
    """
    settings.data.mkdir(parents=True, exist_ok=True)
    found: list[Measurement] = []
    with (
        TemporaryDirectory(prefix="bench-", dir=settings.data) as folder,
        console.status("starting") as status,
    ):
        bench = Bench(settings, scale, Path(folder), status.update)
        for area, of_area in cases.items():
            for case in of_area:
                status.update(f"{area}.{case.name}")
                found += [replace(one, name=f"{area}.{one.name}") for one in case.measure(bench)]
    return found
