"""Settings of a run, read once from `SALES_WAREHOUSE_*` environment variables.

Vendor credentials have names of their own (`SALESFORCE_*` …) and are read by their connectors.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

PREFIX = "SALES_WAREHOUSE_"
PROJECT_DIR = Path(__file__).resolve().parent.parent


class SettingsError(ValueError):
    """A setting is unknown or cannot be read; the message names it and the fix."""


def _scale(text: str) -> float:
    scale = float(text)
    if scale <= 0:
        raise ValueError("must be greater than 0")
    return scale


@dataclass(frozen=True)
class Settings:
    """What a run needs to know about where and when it runs.

    Every field but `project_dir` is set by the variable `SALES_WAREHOUSE_<FIELD>`.
    """

    data: Path = PROJECT_DIR / "data"
    source: Path | None = None
    """A `source.yml`; without it the demo company is the source."""
    as_of: date | None = None
    """Rebuild this evening; without it, the last day in the data."""
    demo_scale: float = 1.0
    demo_end: date = date(2026, 6, 30)
    demo_seed: int = 7
    time_zone: str = "UTC"
    """Zone of the nightly schedule, such as `Europe/Berlin`."""

    project_dir: Path = PROJECT_DIR

    @property
    def database(self) -> Path:
        """The build database, written by the nightly run alone."""
        return self.data / "warehouse.duckdb"

    @property
    def landing(self) -> Path:
        return self.data / "landing"

    @property
    def truth(self) -> Path:
        """What the simulator knows and the pipeline never reads."""
        return self.data / "truth"

    @property
    def published(self) -> Path:
        return self.data / "published"

    @property
    def models(self) -> Path:
        return self.data / "models"

    @property
    def dbt_target(self) -> Path:
        """dbt's artefacts; one folder a database, so that two warehouses do not mix theirs."""
        return self.data / "dbt"

    @property
    def seeds(self) -> Path:
        return self.project_dir / "seeds"

    @property
    def transformations(self) -> Path:
        return self.project_dir / "transformations"

    @classmethod
    def from_env(cls, env: Mapping[str, str] | None = None) -> Settings:
        """Read the settings.

        Args:
            env: variables to read, by default those of the process.

        Raises:
            SettingsError: for a `SALES_WAREHOUSE_*` name that does not exist or a value that
                does not parse.
        """
        env = os.environ if env is None else env
        values: dict[str, Any] = {}
        for name, text in env.items():
            if not name.startswith(PREFIX) or not text:
                continue
            field = name.removeprefix(PREFIX).lower()
            if field not in _PARSERS:
                known = ", ".join(sorted(PREFIX + known.upper() for known in _PARSERS))
                raise SettingsError(f"{name} is not a setting; the settings are {known}")
            try:
                values[field] = _PARSERS[field](text)
            except (ValueError, KeyError) as error:
                raise SettingsError(f"{name}={text!r} cannot be read: {error}") from error
        return cls(**values)

    def to_env(self) -> dict[str, str]:
        """The variables that give these settings to another process."""
        fields = {field: getattr(self, field) for field in _PARSERS}
        return {PREFIX + name.upper(): str(v) for name, v in fields.items() if v is not None}


def _path(text: str) -> Path:
    return Path(text).expanduser().absolute()


def _zone(text: str) -> str:
    return ZoneInfo(text).key


_PARSERS: dict[str, Callable[[str], object]] = {
    "data": _path,
    "source": _path,
    "as_of": date.fromisoformat,
    "demo_scale": _scale,
    "demo_end": date.fromisoformat,
    "demo_seed": int,
    "time_zone": _zone,
}
