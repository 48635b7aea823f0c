"""The Dagster instance: who works with it, and runs that were killed with their stack."""

from __future__ import annotations

import fcntl
import subprocess
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg

from orchestration.settings import PROJECT_DIR

LAUNCH_TAG = "warehouse/launch"
"""Marks the runs that `warehouse run` started, in a process of its own."""

UNFINISHED = [dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED]


class BusyError(RuntimeError):
    """Another process already does what was asked for."""


@contextmanager
def alone(home: Path, what: str) -> Generator[None, None, None]:
    """Hold a lock that ends with the process, however the process ends.

    Args:
        home: the instance's folder.
        what: what only one process may do at a time.

    Raises:
        BusyError: when another process holds it.
    """
    with (home / f"{what}.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise BusyError(f"another {what} process works on {home}; wait for it") from error
        yield


def launched_here(run: dg.DagsterRun) -> bool:
    """Whether `warehouse run` started it, and not the UI or its daemon."""
    return LAUNCH_TAG in run.tags


def fail_orphans(
    instance: dg.DagsterInstance, is_ours: Callable[[dg.DagsterRun], bool]
) -> list[str]:
    """Fail runs whose process is gone, so that they free the pool and can be run again.

    Dagster leaves a run STARTED when it is killed together with everything around it. The caller
    holds the lock under which such runs live, so none of them can be alive.

    Args:
        instance: the Dagster instance.
        is_ours: which runs the caller answers for.

    Returns:
        The ids of the runs that were failed.
    """
    failed: list[str] = []
    for run in instance.get_runs(dg.RunsFilter(statuses=UNFINISHED)):
        if is_ours(run):
            instance.report_run_failed(run, "The process was killed; run the job again.")
            instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)
            failed.append(run.run_id)
    return failed


def serve_ui(env: dict[str, str], port: int) -> int:
    """Serve the UI with daemon, schedules and sensors until it is interrupted.

    Args:
        env: the variables of the process, `DAGSTER_HOME` among them.
        port: port on 127.0.0.1.

    Returns:
        The exit code of `dagster dev`.

    Raises:
        BusyError: when the instance already has a UI.
    """
    home = Path(env["DAGSTER_HOME"])
    with alone(home, "ui"):
        with dg.DagsterInstance.from_config(str(home)) as instance:
            fail_orphans(instance, lambda run: not launched_here(run))
        command = [sys.executable, "-m", "dagster", "dev", "-m", "orchestration.definitions"]
        command += ["-h", "127.0.0.1", "-p", str(port)]
        with subprocess.Popen(command, env=env, cwd=PROJECT_DIR) as process:
            try:
                return process.wait()
            except KeyboardInterrupt:
                return process.wait()
