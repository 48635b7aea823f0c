"""Where a night's time goes, step by step, from what its event log says.

A night is the whole command: what it takes before the run's first step and between the steps
counts as `start`.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import dagster as dg

from orchestration.bench.measuring import Bench, Measurement, run_night
from orchestration.settings import Settings

PREDICTIONS = {"models", "evaluations", "ml"}
"""First parts of the keys of what the machine learning steps make."""

PARTS = {
    "start": "imports, and what Dagster does between the steps",
    "simulate": "the demo company's exports",
    "ingest": "exports into raw tables",
    "gates": "G1 to G4",
    "dbt_core": "seeds, staging, intermediate and core with their tests",
    "ml": "all training, evaluation and scoring",
    "dbt_marts": "the marts with their tests",
    "publish": "the published database and Parquet",
}


@dataclass(frozen=True)
class Night:
    """The shares of one night.

    Attributes:
        name: the case.
        says: which night it is.
        run: runs it; gives its settings and its seconds, or none where there was no such night.
    """

    name: str
    says: str
    run: Callable[[Bench], tuple[Settings, float | None] | None]

    def measure(self, bench: Bench) -> list[Measurement]:
        """The whole night, its parts, and each step of the predictions."""
        ran = self.run(bench)
        steps = None if ran is None else _steps(ran[0].data / "dagster")
        if ran is None or steps is None:
            return []
        whole = ran[1] or steps.seconds
        parts = dict.fromkeys(PARTS, 0.0)
        parts["start"] = whole - sum(steps.steps.values())
        for step, seconds in steps.steps.items():
            parts[_part(step, steps.made.get(step, set()))] += seconds
        lines = [Measurement(self.name, self.says, whole, share=1.0)]
        for part, seconds in parts.items():
            lines.append(
                Measurement(f"{self.name}.{part}", PARTS[part], seconds, share=seconds / whole)
            )
            if part == "ml":
                lines += [
                    Measurement(f"{self.name}.ml.{step}", "of it", took, share=took / whole)
                    for step, took in steps.steps.items()
                    if _part(step, steps.made.get(step, set())) == "ml"
                ]
        return lines


@dataclass(frozen=True)
class _Steps:
    seconds: float
    steps: dict[str, float]
    made: dict[str, set[str]]
    """By step, the first parts of the keys of the assets that it made."""


def _part(step: str, made: set[str]) -> str:
    if step in PARTS:
        return step
    if made & PREDICTIONS:
        return "ml"
    if "landing" in made:
        return "simulate"
    if "published" in made:
        return "publish"
    return "ingest" if any(first.startswith(("raw_", "mapped_")) for first in made) else "gates"


def _steps(home: Path) -> _Steps | None:
    """What the event log says of the last night that succeeded."""
    if not (home / "dagster.yaml").exists():
        return None
    with dg.DagsterInstance.from_config(str(home)) as instance:
        succeeded = dg.RunsFilter(job_name="nightly", statuses=[dg.DagsterRunStatus.SUCCESS])
        runs = instance.get_run_records(succeeded, limit=1)
        if not runs or runs[0].end_time is None:
            return None
        run_id = runs[0].dagster_run.run_id
        made: dict[str, set[str]] = {}
        for entry in instance.all_logs(run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION):
            event = entry.dagster_event
            if event is not None and event.step_key and event.asset_key:
                made.setdefault(event.step_key, set()).add(event.asset_key.path[0])
        steps = {
            stats.step_key: stats.end_time - stats.start_time
            for stats in instance.get_run_step_stats(run_id)
            if stats.start_time is not None and stats.end_time is not None
        }
        return _Steps(runs[0].end_time - runs[0].create_timestamp.timestamp(), steps, made)


def _last(bench: Bench) -> tuple[Settings, float | None] | None:
    return bench.settings, None


def _first(bench: Bench) -> tuple[Settings, float | None]:
    return bench.company, bench.seconds_of_first_night


def _next_day(bench: Bench) -> tuple[Settings, float | None]:
    """On a copy, so that the other cases see the company as its first night left it."""
    before = bench.company
    grown = replace(
        before, data=bench.folder / "grown", demo_end=before.demo_end + timedelta(days=1)
    )
    shutil.copytree(before.data, grown.data, symlinks=True)
    return grown, run_night(grown)


CASES = (
    Night("last", "your last night", _last),
    Night("first", "the first night of a company", _first),
    Night("next_day", "a night with one new day", _next_day),
)
