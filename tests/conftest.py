"""What all tests share: the project, how its dbt project reads, and a fresh clone of it."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

PROJECT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def project() -> Path:
    """The project's folder."""
    return PROJECT


@pytest.fixture(scope="session")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Makes a folder that takes minutes to make once, though tests run in several processes."""
    base = tmp_path_factory.getbasetemp()
    base = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base

    def make(name: str, fill: Callable[[Path], None]) -> Path:
        folder, made = base / name, base / f"{name}.made"
        with FileLock(base / f"{name}.lock"):
            if not made.exists():
                folder.mkdir()
                fill(folder)
                made.touch()
        return folder

    return make


@pytest.fixture(scope="session")
def manifest(made_once: Callable[..., Path]) -> dict[str, Any]:
    """The dbt manifest, parsed anew."""

    def fill(target: Path) -> None:
        folder = str(PROJECT / "transformations")
        command = [str(Path(sys.executable).parent / "dbt"), "--quiet", "parse"]
        command += ["--no-partial-parse", "--target-path", str(target)]
        subprocess.run(
            [*command, "--project-dir", folder, "--profiles-dir", folder],
            check=True,
            env={**os.environ, "DBT_SEND_ANONYMOUS_USAGE_STATS": "false"},
        )

    target = made_once("dbt_target", fill)
    return json.loads((target / "manifest.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def newcomer() -> dict[str, str]:
    """The variables of a person who has set none of ours, but wants a small demo."""
    env = {k: v for k, v in os.environ.items() if not k.startswith(("SALES_WAREHOUSE", "VIRTUAL"))}
    env["PATH"] = ":".join(p for p in env["PATH"].split(":") if ".venv" not in p)
    return env | {"SALES_WAREHOUSE_DEMO_SCALE": "0.05"}


@pytest.fixture(scope="session")
def clone(made_once: Callable[..., Path], newcomer: dict[str, str]) -> Path:
    """A fresh clone after `make run`; what that printed lies beside it in `printed.txt`."""

    def fill(folder: Path) -> None:
        target = folder / "sales-warehouse"
        subprocess.run(["git", "clone", "--quiet", str(PROJECT), str(target)], check=True)
        with (folder / "printed.txt").open("wb") as printed:
            done = subprocess.run(
                ["make", "run"],
                cwd=target,
                env=newcomer,
                stdout=printed,
                stderr=printed,
                check=False,
            )
        assert done.returncode == 0, (folder / "printed.txt").read_text()[-5000:]

    return made_once("clone", fill) / "sales-warehouse"
