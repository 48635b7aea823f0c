"""Whole runs of the nightly job, as a person would start them, and what they published."""

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest

PROJECT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Warehouse:
    """A data folder and the command that fills it."""

    data: Path

    def run(self, *arguments: str, succeeds: bool = True, **settings: str) -> str:
        """Run `warehouse run` and give what it printed."""
        env = {name: text for name, text in os.environ.items() if "SALES_WAREHOUSE" not in name}
        env |= {"SALES_WAREHOUSE_DATA": str(self.data), "PYTHONDONTWRITEBYTECODE": ""}
        env |= {f"SALES_WAREHOUSE_{name.upper()}": text for name, text in settings.items()}
        done = subprocess.run(
            [str(Path(sys.executable).parent / "warehouse"), "run", *arguments],
            env=env,
            cwd=PROJECT,
            capture_output=True,
            text=True,
            check=False,
        )
        printed = done.stdout + done.stderr
        assert (done.returncode == 0) == succeeds, printed
        return printed

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Ask what is published, as a BI tool would."""
        path = self.data / "published" / "sales_marts.duckdb"
        with duckdb.connect(str(path), read_only=True) as con:
            return con.execute(sql).fetchall()

    def inside(self, sql: str) -> list[tuple[Any, ...]]:
        """Ask the build database."""
        with duckdb.connect(str(self.data / "warehouse.duckdb"), read_only=True) as con:
            return con.execute(sql).fetchall()

    def published(self) -> dict[str, tuple[int, int]]:
        """Each published table with its rows and a sum that no order of rows changes."""
        tables = self.query(
            "select table_schema || '.' || table_name, list(column_name order by column_name) "
            "from information_schema.columns "
            "where table_schema in ('core', 'ml', 'marts') group by 1 order by 1"
        )
        digests: dict[str, tuple[int, int]] = {}
        for name, columns in tables:
            # The load order is how a row came, not what it says.
            compared = ", ".join(f'"{column}"' for column in columns if column != "load_id")
            digests[name] = self.query(
                f"select count(*), coalesce(sum(cast(hash({compared}) as hugeint)), 0) from {name}"
            )[0]
        return digests


@pytest.fixture(scope="session")
def new_warehouse(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Warehouse]:
    """An empty data folder."""
    return lambda name: Warehouse(tmp_path_factory.mktemp(name))
