"""When the warehouse is built: every night, and when new files land."""

import hashlib
from pathlib import Path

import dagster as dg

from orchestration.settings import Settings
from orchestration.sources.files import read_spec

nightly = dg.define_asset_job(
    "nightly",
    selection=dg.AssetSelection.all(),
    description="Everything, from raw exports to published marts.",
    executor_def=dg.in_process_executor,  # docs/adr/0007-one-process-for-a-run.md
    op_retry_policy=dg.RetryPolicy(max_retries=1, delay=5),
    tags={"dagster/max_retries": 1},
)


def nightly_schedule(settings: Settings) -> dg.ScheduleDefinition:
    """The nightly job at 02:00 in the configured zone."""
    return dg.ScheduleDefinition(
        name="nightly_at_two",
        job=nightly,
        cron_schedule="0 2 * * *",
        execution_timezone=settings.time_zone,
        default_status=dg.DefaultScheduleStatus.RUNNING,
    )


def _watched(settings: Settings) -> Path:
    return settings.landing if settings.source is None else read_spec(settings.source).folder


def landed_state(folder: Path) -> str:
    """A fingerprint of the names, sizes and times of the files below a folder."""
    lines = [
        f"{path.relative_to(folder).as_posix()} {path.stat().st_size} {path.stat().st_mtime_ns}"
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.startswith(".")
    ]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


@dg.sensor(
    job=nightly,
    name="new_landing_files",
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Starts the nightly job when files are added to the watched folder.",
)
def new_landing_files(
    context: dg.SensorEvaluationContext, settings: dg.ResourceParam[Settings]
) -> dg.SensorResult | dg.SkipReason:
    """Compare the folder with what it was at the last look; the first look only remembers."""
    folder = _watched(settings)
    state = landed_state(folder)
    if state == context.cursor:
        return dg.SkipReason(f"nothing new in {folder.name}")
    active = context.instance.get_run_records(
        dg.RunsFilter(
            job_name="nightly",
            statuses=[
                dg.DagsterRunStatus.QUEUED,
                dg.DagsterRunStatus.STARTING,
                dg.DagsterRunStatus.STARTED,
            ],
        ),
        limit=1,
    )
    if active and context.cursor is not None:
        return dg.SkipReason("a run is under way; the folder is looked at again after it")
    requests = [dg.RunRequest(run_key=state)] if context.cursor else []
    return dg.SensorResult(run_requests=requests, cursor=state)
