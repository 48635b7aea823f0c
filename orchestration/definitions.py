"""The Dagster code location: puts the definitions together, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import dagster as dg

from orchestration.defs.dbt.assets import PROJECT, dbt_core, dbt_marts
from orchestration.defs.dbt.exposures import EXPOSURES
from orchestration.defs.ingest import assets as ingest
from orchestration.defs.ml import assets as ml
from orchestration.defs.publish.assets import published_marts
from orchestration.defs.quality import gates
from orchestration.defs.schedules import new_landing_files, nightly, nightly_schedule
from orchestration.lib import event_log
from orchestration.lib.dbt_cli import DbtCli
from orchestration.settings import Settings


def build_defs(resource_overrides: Mapping[str, Any] | None = None) -> dg.Definitions:
    """Fresh definitions of the whole warehouse.

    Args:
        resource_overrides: resources to use instead, by key, such as other `settings` in a test.
    """
    settings = Settings.from_env()
    return dg.Definitions(
        assets=[
            *ingest.ASSETS,
            *gates.QUARANTINE,
            dbt_core,
            *ml.ASSETS,
            dbt_marts,
            published_marts,
            *EXPOSURES,
        ],
        asset_checks=gates.CHECKS,
        jobs=[nightly],
        schedules=[nightly_schedule(settings)],
        sensors=[new_landing_files],
        resources={
            "settings": settings,
            "dbt": DbtCli(PROJECT),
            **(resource_overrides or {}),
        },
    )


event_log.hasten()
defs = build_defs()
