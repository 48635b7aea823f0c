"""The dbt command line, as the steps call it."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

from dagster import _utils as dagster_utils
from dagster_dbt import DbtCliResource, DbtProject
from packaging.version import Version

PARTIAL_PARSE = "partial_parse.msgpack"
"""What dbt keeps of its reading of the project, in a target folder."""


class DbtCli(DbtCliResource):
    """dagster-dbt's resource without what it does before each command, some ten seconds in all.

    It asks the executable for its version, which here is that of the installed package; and it
    parses every macro of the project for a connection of its own, which only `fetch_row_counts`
    and `fetch_column_metadata` use, whose place `dbt_metadata` takes.
    """

    def __init__(self, project_dir: str | Path | DbtProject, **fields: Any) -> None:
        fields.setdefault("dbt_executable", sys.executable)
        fields.setdefault("global_config_flags", ["-m", "orchestration.lib.dbt_process"])
        super().__init__(project_dir, **fields)

    @cached_property
    def _cli_version(self) -> Version:
        return Version(version("dbt-core"))

    def _initialize_dbt_core_adapter(self, args: Sequence[str]) -> Any:
        return None


def read_project(project: DbtProject) -> None:
    """Write the manifest with the dbt that will build, which then need not read the project again.

    dagster-dbt's own way has every seed read again; processes that do it at once wait as there.
    """
    utils: Any = dagster_utils
    utils.run_with_concurrent_update_guard(project.manifest_path, _parse, project=project)


def _parse(project: DbtProject) -> None:
    DbtCli(project).cli(["parse", "--quiet"], target_path=project.target_path).wait()


def share_reading(project: DbtProject, target: Path) -> None:
    """Give a target folder the reading of the project, unless dbt left one of its own there."""
    read, own = project.project_dir / project.target_path / PARTIAL_PARSE, target / PARTIAL_PARSE
    if read.exists() and not own.exists():
        target.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(read, own)
