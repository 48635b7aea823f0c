"""Launch the nightly job and show its progress, a line for each step that ends."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import dagster as dg
from rich.console import Console

from orchestration.lib import event_log
from orchestration.lib.instance import LAUNCH_TAG, alone, fail_orphans, launched_here
from orchestration.settings import PROJECT_DIR, Settings

POLL_SECONDS = 0.5
DBT_PROGRESS = re.compile(rb"\b(\d+) of (\d+) ")


@dataclass
class RunResult:
    """How a run ended."""

    run_id: str | None
    succeeded: bool
    seconds: float
    log: Path
    failures: list[str] = field(default_factory=list[str])
    """What failed, with the error's own words."""


@dataclass
class _Step:
    started: float
    assets: int = 0
    checks: int = 0
    rows: int = 0


def launch_nightly(console: Console, settings: Settings, env: dict[str, str]) -> RunResult:
    """Run the job in a process of its own and follow its event log.

    Args:
        console: where the progress goes.
        settings: what to run on.
        env: the variables of the process, `DAGSTER_HOME` among them.

    Returns:
        How the run ended; the full log is in the file that it names.

    Raises:
        BusyError: when a run of this command is already under way.
    """
    event_log.hasten()
    with alone(Path(env["DAGSTER_HOME"]), "nightly"):
        with dg.DagsterInstance.from_config(env["DAGSTER_HOME"]) as instance:
            for run_id in fail_orphans(instance, launched_here):
                console.print(f"run {run_id[:8]} was killed before; marked as failed")
        return _launch(console, settings, env)


def _launch(console: Console, settings: Settings, env: dict[str, str]) -> RunResult:
    started = time.monotonic()
    logs = settings.data / "dagster" / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    launch = uuid.uuid4().hex[:12]
    log = logs / f"nightly-{time.strftime('%Y%m%dT%H%M%S')}.log"
    source = "the demo company" if settings.source is None else str(settings.source)
    console.print(f"[bold]nightly[/bold] on {source}; the full log goes to {log}")
    command = [sys.executable, "-m", "dagster", "job", "execute"]
    command += ["-m", "orchestration.definitions", "-j", "nightly"]
    command += ["--tags", json.dumps({LAUNCH_TAG: launch})]
    with log.open("wb") as file:
        process = subprocess.Popen(
            command, env=env, cwd=PROJECT_DIR, stdout=file, stderr=subprocess.STDOUT
        )
        try:
            follower = _Follower(console, Path(env["DAGSTER_HOME"]), launch, log)
            follower.follow(lambda: process.poll() is None)
        except BaseException:
            process.terminate()
            process.wait()
            raise
    failures = follower.failures
    if process.returncode != 0 and not failures:
        failures = [f"the run ended with exit code {process.returncode}; see {log}"]
    return RunResult(
        follower.run_id,
        process.returncode == 0 and follower.succeeded,
        time.monotonic() - started,
        log,
        failures,
    )


class _Follower:
    """Reads a run's events as they are written and prints what a person wants to know."""

    def __init__(self, console: Console, home: Path, launch: str, log: Path) -> None:
        self.console = console
        self.home = home
        self.launch = launch
        self.log = log
        self.run_id: str | None = None
        self.succeeded = False
        self._failed: dict[str, list[str]] = {}
        self._steps: dict[str, _Step] = {}
        self._cursor: str | None = None

    @property
    def failures(self) -> list[str]:
        """What failed, in the order in which it did; steps that failed alike are named together."""
        return [f"{', '.join(steps)}: {message}" for message, steps in self._failed.items()]

    def follow(self, is_running: Callable[[], bool]) -> None:
        with (
            dg.DagsterInstance.from_config(str(self.home)) as instance,
            self.console.status("starting") as status,
        ):
            running = True
            while running:
                # One more look after the end, for the events that were written last.
                running = is_running()
                self._look(instance)
                doing = ", ".join(self._doing(name, step) for name, step in self._steps.items())
                status.update(doing or "starting")
                if running:
                    time.sleep(POLL_SECONDS)

    def _doing(self, name: str, step: _Step) -> str:
        done = f", {step.assets} tables, {step.rows:,} rows" if step.assets else ""
        if not done and name.startswith("dbt_"):
            done = self._dbt_progress()
        return f"{name} ({time.time() - step.started:.0f} s{done})"

    def _dbt_progress(self) -> str:
        """How far dbt is, by what it last wrote to the log; its events come when it has ended."""
        with self.log.open("rb") as file:
            file.seek(max(0, self.log.stat().st_size - 2000))
            counts = DBT_PROGRESS.findall(file.read())
        return f", {counts[-1][0].decode()} of {counts[-1][1].decode()}" if counts else ""

    def _look(self, instance: dg.DagsterInstance) -> None:
        if self.run_id is None:
            runs = instance.get_runs(dg.RunsFilter(tags={LAUNCH_TAG: self.launch}), limit=1)
            if not runs:
                return
            self.run_id = runs[0].run_id
        while True:
            page = instance.get_records_for_run(self.run_id, cursor=self._cursor, limit=500)
            for record in page.records:
                if record.event_log_entry.dagster_event is not None:
                    self._event(record.event_log_entry.dagster_event, record.timestamp)
            self._cursor = page.cursor
            if not page.has_more:
                return

    def _event(self, event: dg.DagsterEvent, timestamp: float) -> None:
        kind, step = event.event_type, event.step_key or ""
        if kind is dg.DagsterEventType.STEP_START:
            self._steps[step] = _Step(timestamp)
        elif kind is dg.DagsterEventType.ASSET_MATERIALIZATION and step in self._steps:
            count = event.materialization.metadata.get("dagster/row_count")
            self._steps[step].assets += 1
            if isinstance(count, dg.IntMetadataValue):
                self._steps[step].rows += count.value or 0
        elif kind is dg.DagsterEventType.ASSET_CHECK_EVALUATION and step in self._steps:
            self._steps[step].checks += 1
        elif kind is dg.DagsterEventType.STEP_SUCCESS:
            self._ended(step, timestamp, "[green]✓[/green]")
        elif kind is dg.DagsterEventType.STEP_FAILURE:
            self._ended(step, timestamp, "[red]✗[/red]")
            error = event.step_failure_data.error
            cause = error.cause if error is not None and error.cause is not None else error
            message = cause.message.strip() if cause else "failed"
            self._failed.setdefault(message, []).append(step)
        elif kind is dg.DagsterEventType.RUN_SUCCESS:
            self.succeeded = True

    def _ended(self, name: str, timestamp: float, mark: str) -> None:
        step = self._steps.pop(name, _Step(timestamp))
        tables = f"{step.assets} table{'s' if step.assets != 1 else ''}" if step.assets else ""
        checks = f"{step.checks} checks" if step.checks else ""
        rows = f"{step.rows:,} rows" if step.rows else ""
        seconds = timestamp - step.started
        self.console.print(
            f"{mark} {name:<28} {tables:>11} {checks:>11} {rows:>16} {seconds:>7.1f} s"
        )
