"""Whole runs of the nightly job, as a person would start them, and what they published."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest

PROJECT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
DEMO = {"demo_scale": "0.05"}
LAST_DAY, NEXT_DAY = "2026-06-29", "2026-06-30"


@dataclass(frozen=True)
class Warehouse:
    """A data folder and the command that fills it."""

    data: Path

    def env(self, **settings: str) -> dict[str, str]:
        """The variables of a process that works on this folder."""
        env = {name: text for name, text in os.environ.items() if "SALES_WAREHOUSE" not in name}
        env |= {"SALES_WAREHOUSE_DATA": str(self.data), "PYTHONDONTWRITEBYTECODE": ""}
        return env | {f"SALES_WAREHOUSE_{name.upper()}": text for name, text in settings.items()}

    def start(self, *arguments: str, **settings: str) -> subprocess.Popen[str]:
        """Start `warehouse run` in a process group of its own."""
        return subprocess.Popen(
            [str(BIN / "warehouse"), "run", *arguments],
            env=self.env(**settings),
            cwd=PROJECT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, *arguments: str, succeeds: bool = True, **settings: str) -> str:
        """Run `warehouse run` and give what it printed."""
        process = self.start(*arguments, **settings)
        printed, _ = process.communicate()
        assert (process.returncode == 0) == succeeds, printed
        return printed

    def copied(self, data: Path) -> "Warehouse":
        """The same warehouse in another folder."""
        shutil.copytree(self.data, data, symlinks=True)
        return Warehouse(data)

    def build_copy(self, data: Path) -> "Warehouse":
        """The build database alone, in another folder, for a tool that opens it for writing: other
        tests may be reading this one."""
        shutil.copy(self.data / "warehouse.duckdb", data / "warehouse.duckdb")
        return Warehouse(data)

    def dbt(self, folder: Path, *arguments: str) -> str:
        """Run dbt, as the nightly does, on a copy of the build database; give what it printed."""
        copy = self.build_copy(folder)
        shutil.copy(self.data / "dbt" / "partial_parse.msgpack", folder)
        command = [sys.executable, "-m", "orchestration.lib.dbt_process", *arguments]
        done = subprocess.run(
            [*command, "--target-path", str(folder), "--log-path", str(folder)],
            cwd=PROJECT / "transformations",
            env=copy.env(),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout
        return done.stdout

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
def evening(made_once: Callable[..., Path]) -> Warehouse:
    """A first run; nobody writes to it again."""

    def fill(data: Path) -> None:
        (data / "printed.txt").write_text(Warehouse(data).run(demo_end=LAST_DAY, **DEMO))

    return Warehouse(made_once("evening", fill))


@pytest.fixture(scope="session")
def next_evening(clone: Path) -> Warehouse:
    """A first run for the day after, on an empty folder: what a fresh clone makes."""
    return Warehouse(clone / "data")


def of_the_evening(warehouse: Warehouse) -> dict[str, Any]:
    """What is published, without what a warehouse keeps of earlier evenings: which versions were
    trained, and what was said before and how it came true."""
    tables = warehouse.published()
    for history in ("ml.ml_model_registry", "ml.ml_backtest"):
        del tables[history]
    for name in [name for name in tables if name.startswith("ml.")]:
        columns = {
            column
            for (column,) in warehouse.query(
                "select column_name from information_schema.columns "
                f"where table_schema = 'ml' and table_name = '{name.removeprefix('ml.')}'"
            )
        }
        evening = "as_of_date" if "as_of_date" in columns else "origin_date"
        without = " exclude (model_version)" if "model_version" in columns else ""
        now = "true" if name != "ml.ml_drift" else "measure <> 'calibration'"
        tables[name] = warehouse.query(
            f"select count(*), coalesce(sum(cast(hash(said) as hugeint)), 0) from "
            f"(select *{without} from {name} where {now} and {evening} = "
            "(select max(as_of_date) from marts.mart_deal_inspection)) as said"
        )[0]
    return tables


def differing(one: dict[str, Any], other: dict[str, Any]) -> set[str]:
    """The tables of which the two have not the same."""
    return {name for name in one.keys() | other.keys() if one.get(name) != other.get(name)}
