"""The dbt command line, as the steps call it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from importlib.metadata import version
from typing import Any

from dagster_dbt import DbtCliResource
from packaging.version import Version


class DbtCli(DbtCliResource):
    """dagster-dbt's resource without what it does before each command, some ten seconds in all.

    It asks the executable for its version, which here is that of the installed package; and it
    parses every macro of the project for a connection of its own, which only `fetch_row_counts`
    and `fetch_column_metadata` use, whose place `dbt_metadata` takes.
    """

    @cached_property
    def _cli_version(self) -> Version:
        return Version(version("dbt-core"))

    def _initialize_dbt_core_adapter(self, args: Sequence[str]) -> Any:
        return None
